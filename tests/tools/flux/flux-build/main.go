// Reads a source and Kustomizations from standard input, strictly, as Flux' own types; builds each
// Kustomization over a copy of the source, named on the command line, as kustomize-controller does
// (internal/controller/kustomization_controller.go, generate and build); and prints one line of JSON a
// Kustomization: its name and its objects.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	generator "github.com/fluxcd/pkg/kustomize"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"
)

type built struct {
	Name    string           `json:"name"`
	Objects []map[string]any `json:"objects"`
}

// What generate and build do; the controller's defaults: no remote bases, strict substitution.
func build(ctx context.Context, root string, kustomization *kustomizev1.Kustomization, document []byte) (*built, error) {
	var object unstructured.Unstructured
	if err := sigsyaml.Unmarshal(document, &object.Object); err != nil {
		return nil, err
	}
	folder := filepath.Join(root, kustomization.Spec.Path)
	if _, err := generator.NewGenerator(root, object).WriteFile(folder); err != nil {
		return nil, err
	}
	made, err := generator.SecureBuild(root, folder, false)
	if err != nil {
		return nil, err
	}
	result := built{Name: kustomization.Name}
	for _, resource := range made.Resources() {
		if kustomization.Spec.PostBuild != nil {
			changed, err := generator.SubstituteVariables(
				ctx, nil, object, resource, generator.SubstituteWithStrict(true))
			if err != nil {
				return nil, err
			}
			if changed != nil {
				resource = changed
			}
		}
		fields, err := resource.Map()
		if err != nil {
			return nil, err
		}
		result.Objects = append(result.Objects, fields)
	}
	return &result, nil
}

func run(root string) error {
	sources := map[string]any{
		"GitRepository": &sourcev1.GitRepository{}, "OCIRepository": &sourcev1.OCIRepository{},
	}
	documents := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var kind metav1.TypeMeta
		if err := sigsyaml.Unmarshal(document, &kind); err != nil {
			return err
		}
		if source, ok := sources[kind.Kind]; ok && kind.APIVersion == sourcev1.GroupVersion.String() {
			if err := sigsyaml.UnmarshalStrict(document, source); err != nil {
				return err
			}
			continue
		}
		if kind.Kind != kustomizev1.KustomizationKind || kind.APIVersion != kustomizev1.GroupVersion.String() {
			return fmt.Errorf("%s %s is nothing of Flux'", kind.APIVersion, kind.Kind)
		}
		var kustomization kustomizev1.Kustomization
		if err := sigsyaml.UnmarshalStrict(document, &kustomization); err != nil {
			return err
		}
		made, err := build(context.Background(), root, &kustomization, document)
		if err != nil {
			return fmt.Errorf("%s: %w", kustomization.Name, err)
		}
		if err := json.NewEncoder(os.Stdout).Encode(made); err != nil {
			return err
		}
	}
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
