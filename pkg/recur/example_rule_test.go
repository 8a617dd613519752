package recur_test

import (
	"fmt"

	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// The last working day of each month.
func ExampleRule_Iterator() {
	rule, _, err := recur.ParseRule("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=4")
	if err != nil {
		fmt.Println(err)
		return
	}
	start := ical.CivilOf(2026, 9, 30, 9, 0, 0)
	it := rule.Iterator(start, false, recur.NewBudget(recur.DefaultBudget))
	for t, ok := it.Next(); ok; t, ok = it.Next() {
		fmt.Println(t)
	}
	if err := it.Err(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 20260930T090000
	// 20261030T090000
	// 20261130T090000
	// 20261231T090000
}

// A jump to a month 100 years after the first instance.
func ExampleIterator_Seek() {
	rule, _, _ := recur.ParseRule("FREQ=WEEKLY;BYDAY=TU,FR;COUNT=100000")
	it := rule.Iterator(ical.CivilOf(1926, 11, 30, 9, 0, 0), false, recur.NewBudget(recur.DefaultBudget))
	it.Seek(ical.DayOf(2026, 12, 1))
	end := ical.DayOf(2026, 12, 10)
	for t, ok := it.Next(); ok && t < end; t, ok = it.Next() {
		fmt.Println(t, t.Weekday())
	}
	// Output:
	// 20261201T090000 Tuesday
	// 20261204T090000 Friday
	// 20261208T090000 Tuesday
}

// A rule that has more to it than its author meant.
func ExampleParseRule() {
	rule, problems, err := recur.ParseRule("freq=weekly;byday=fr,mo;count=3;until=20261231;")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(rule)
	for _, p := range problems {
		fmt.Println(p.Level, p.Text)
	}
	_, _, err = recur.ParseRule("RSCALE=HEBREW;FREQ=YEARLY")
	fmt.Println(err)
	// Output:
	// FREQ=WEEKLY;UNTIL=20261231;COUNT=3;BYDAY=MO,FR
	// warning the rule has a semicolon too many
	// warning the rule has COUNT and UNTIL; the earlier end is used
	// the calendar RSCALE="HEBREW" is not supported, only GREGORIAN is
}
