package cmdutil

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// MaxChanges is --max-changes.
type MaxChanges struct{ text string }

func (l *MaxChanges) Add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.text, "max-changes", "", "refuse to touch more accounts than this `NUMBER`, or this part of all accounts, as in 5%")
}

// Check refuses to touch n accounts where that is more than was allowed; total
// says how many there are.
func (l *MaxChanges) Check(n int, total func() (int64, error)) error {
	if l.text == "" {
		return nil
	}
	number, percent := strings.CutSuffix(l.text, "%")
	limit, err := strconv.ParseFloat(number, 64)
	if err != nil || limit < 0 || percent && limit > 100 || !percent && limit != float64(int64(limit)) {
		return Usagef("--max-changes: '%s' is neither a number nor a part such as 5%%", l.text)
	}
	if percent {
		all, err := total()
		if err != nil {
			return err
		}
		limit = float64(all) * limit / 100
	}
	if float64(n) > limit {
		return Usagef("%s would be touched, and --max-changes %s allows %d; nothing was changed", Plural(n, "account"), l.text, int64(limit))
	}
	return nil
}
