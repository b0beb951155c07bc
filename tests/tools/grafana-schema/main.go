// Checks a dashboard on stdin by Grafana's own schema, as its SDK for Go carries it: every field must be known
// and of the right type, in panels and queries too. Prints each violation on a line, and fails if there is one.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

func main() {
	runtime := cog.NewRuntime()
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	var read dashboard.Dashboard
	check(read.UnmarshalJSONStrict(text))
	check(read.Validate())
}

// The SDK returns an empty list of violations as an error that is not nil.
func check(err error) {
	if err != nil && err.Error() != "" {
		fail(err)
	}
}

func fail(err error) {
	fmt.Println(err)
	os.Exit(1)
}
