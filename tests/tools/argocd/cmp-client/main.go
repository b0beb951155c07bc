// Calls Argo CD's plugin server as its repo-server does (reposerver/repository/repository.go): with Argo
// CD's own client, and with its own packing of the repository. Prints the answer as JSON; an error is
// printed so too, with its gRPC code, and the exit code is 1.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/argoproj/argo-cd/v3/cmpserver/apiclient"
	"github.com/argoproj/argo-cd/v3/util/cmp"
	"github.com/golang/protobuf/ptypes/empty"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// What is asked about a repository.
type question struct {
	root, app string
	env       []string
}

// A stream that is sent to until it is answered.
type conversation[Answer any] interface {
	cmp.StreamSender
	CloseAndRecv() (Answer, error)
}

// Packs the repository into the stream, then waits for the answer.
func stream[Answer any, Stream conversation[Answer]](
	ctx context.Context, about question, open func(context.Context, ...grpc.CallOption) (Stream, error),
) (any, error) {
	to, err := open(ctx)
	if err != nil {
		return nil, err
	}
	app := filepath.Join(about.root, about.app)
	if err := cmp.SendRepoStream(ctx, app, about.root, to, about.env, nil); err != nil {
		return nil, err
	}
	return to.CloseAndRecv()
}

func call(
	ctx context.Context, method string, to apiclient.ConfigManagementPluginServiceClient, about question,
) (any, error) {
	switch method {
	case "CheckPluginConfiguration":
		return to.CheckPluginConfiguration(ctx, &empty.Empty{})
	case "MatchRepository":
		return stream[*apiclient.RepositoryResponse](ctx, about, to.MatchRepository)
	case "GenerateManifest":
		return stream[*apiclient.ManifestResponse](ctx, about, to.GenerateManifest)
	case "GetParametersAnnouncement":
		return stream[*apiclient.ParametersAnnouncementResponse](ctx, about, to.GetParametersAnnouncement)
	}
	return nil, fmt.Errorf("the service has no %q", method)
}

func main() {
	socket := flag.String("socket", "", "the plugin's socket")
	deadline := flag.Duration("deadline", time.Minute, "how long the answer may take")
	var about question
	flag.StringVar(&about.root, "root", "", "the repository")
	flag.StringVar(&about.app, "app", ".", "the Application's path in it")
	flag.Func("env", "NAME=VALUE of the Application's environment, as often as needed", func(one string) error {
		about.env = append(about.env, one)
		return nil
	})
	flag.Parse()

	answer, err := func() (any, error) {
		connection, client, err := apiclient.NewConfigManagementPluginClientSet(*socket).NewConfigManagementPluginClient()
		if err != nil {
			return nil, err
		}
		defer func() { _ = connection.Close() }()
		ctx, cancel := context.WithTimeout(context.Background(), *deadline)
		defer cancel()
		return call(ctx, flag.Arg(0), client, about)
	}()
	if err != nil {
		answer = map[string]string{"code": status.Code(err).String(), "error": err.Error()}
	}
	printed := json.NewEncoder(os.Stdout).Encode(answer)
	if err != nil || printed != nil {
		os.Exit(1)
	}
}
