package cmdutil

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// MaxChanges is the option --max-changes of bulk commands.
type MaxChanges struct {
	text string
	item string // what is counted; "" for accounts
}

// NewMaxChanges returns the limit that text, the value of an option --max-changes, describes.
func NewMaxChanges(text string) *MaxChanges { return &MaxChanges{text: text} }

// Add adds the option to a command that changes accounts.
func (l *MaxChanges) Add(cmd *cobra.Command) { l.AddOf(cmd, "account") }

// AddOf adds the option to a command that changes items of a kind, such as "component".
func (l *MaxChanges) AddOf(cmd *cobra.Command, item string) {
	l.item = item
	cmd.Flags().StringVar(&l.text, "max-changes", "", fmt.Sprintf("refuse to change more %[1]ss than this `NUMBER`, or more than a percentage of all %[1]ss, as in 5%%", item))
}

// Check returns an error if n items are more than the limit. It calls total for the number of
// all items if the limit is a percentage.
func (l *MaxChanges) Check(n int, total func() (int64, error)) error {
	limit, limited, err := l.Limit(total)
	if err != nil || !limited || int64(n) <= limit {
		return err
	}
	return Usagef("this would change %s, but --max-changes %s allows only %d; nothing was changed", Plural(n, cmp.Or(l.item, "account")), l.text, limit)
}

// String returns the value of the option.
func (l *MaxChanges) String() string { return l.text }

// Limit returns the maximum number of changes, and whether there is one. It calls total for
// the number of all items if the limit is a percentage.
func (l *MaxChanges) Limit(total func() (int64, error)) (limit int64, limited bool, err error) {
	if l.text == "" {
		return 0, false, nil
	}
	number, percent := strings.CutSuffix(l.text, "%")
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || !isPlainNumber(number, percent) || percent && value > 100 || value > math.MaxInt32 {
		return 0, false, Usagef("--max-changes: '%s' is not a valid number or percentage (such as 100 or 5%%)", l.text)
	}
	if percent {
		all, err := total()
		if err != nil {
			return 0, false, err
		}
		value = float64(all) * value / 100
	}
	return int64(value), true, nil
}

// isPlainNumber reports whether s consists of decimal digits, with a decimal fraction if that
// is allowed. Go reads more than that as a number, such as 1e3, 1_0, +2, 0x1p4 and inf.
func isPlainNumber(s string, fraction bool) bool {
	whole, part, cut := strings.Cut(s, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	return digits(whole) && (!cut || fraction && digits(part))
}
