package recur

import "errors"

// DefaultBudget is a budget for one request: enough for every second of a day, and used up in
// a few milliseconds.
const DefaultBudget = 100_000

// ErrBudget is returned when a computation was stopped because its budget was used up. What
// was found until then is correct, but more may follow.
var ErrBudget = errors.New("the recurrence has too many instances to compute")

// Budget limits the work of everything that is computed for one request. It is counted in
// candidates: times and periods of a rule that are looked at, whether they are instances or
// not. A Budget must not be used by several goroutines at once. A nil Budget has no limit; use
// it only for rules that are known.
type Budget struct{ left int }

// NewBudget returns a budget for a number of candidates.
func NewBudget(candidates int) *Budget { return &Budget{left: candidates} }

// Left returns the number of candidates that are left, 0 if the budget is used up.
func (b *Budget) Left() int { return max(b.left, 0) }

// Spend takes n candidates from the budget, and reports whether there were so many. Once it
// reported false, the budget is used up.
func (b *Budget) Spend(n int) bool {
	if b == nil {
		return true
	}
	if b.left < n {
		b.left = 0
		return false
	}
	b.left -= n
	return true
}
