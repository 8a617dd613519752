package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
)

func newVersion(f *cmdutil.Factory) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "print the version of this program",
		GroupID: cmdutil.GroupOther,
		Args:    cmdutil.NoArguments,
		RunE:    func(*cobra.Command, []string) error { return runVersion(f) },
	}
}

func runVersion(f *cmdutil.Factory) error {
	format, err := f.Console.Format(ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	platform := runtime.GOOS + "/" + runtime.GOARCH
	if format == ui.JSON {
		return ui.WriteJSON(f.Console.Streams.Out, struct {
			Schema   string `json:"schema"`
			Version  string `json:"version"`
			Commit   string `json:"commit,omitempty"`
			Date     string `json:"date,omitempty"`
			Go       string `json:"go"`
			Platform string `json:"platform"`
		}{"davadmin.version.1", f.Build.Version, f.Build.Commit, f.Build.Date, runtime.Version(), platform})
	}
	text := "davadmin " + f.Build.Version
	if f.Build.Commit != "" {
		text += fmt.Sprintf(" (%s, %s)", f.Build.Commit, f.Build.Date)
	}
	_, err = fmt.Fprintf(f.Console.Streams.Out, "%s\n%s %s\n", text, runtime.Version(), platform)
	return err
}
