// Argo CD's plugin server as it is, alone: Argo CD's own binary holds all of its programs and chooses by
// the name that it is called by.
package main

import (
	"os"

	"github.com/argoproj/argo-cd/v3/cmd/argocd-cmp-server/commands"
)

func main() {
	if commands.NewCommand().Execute() != nil {
		os.Exit(1)
	}
}
