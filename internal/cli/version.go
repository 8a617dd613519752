package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
)

func (a *App) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "print the version of this program",
		GroupID: groupOther,
		Args:    noArguments,
		RunE:    func(*cobra.Command, []string) error { return a.runVersion() },
	}
}

func (a *App) runVersion() error {
	format, err := a.format(ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	platform := runtime.GOOS + "/" + runtime.GOARCH
	if format == ui.JSON {
		return ui.WriteJSON(a.Streams.Out, struct {
			Schema   string `json:"schema"`
			Version  string `json:"version"`
			Commit   string `json:"commit,omitempty"`
			Date     string `json:"date,omitempty"`
			Go       string `json:"go"`
			Platform string `json:"platform"`
		}{"davadmin.version.1", a.Build.Version, a.Build.Commit, a.Build.Date, runtime.Version(), platform})
	}
	text := "davadmin " + a.Build.Version
	if a.Build.Commit != "" {
		text += fmt.Sprintf(" (%s, %s)", a.Build.Commit, a.Build.Date)
	}
	_, err = fmt.Fprintf(a.Streams.Out, "%s\n%s %s\n", text, runtime.Version(), platform)
	return err
}
