package relational_test

import (
	"math"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store/relational"
)

func TestStampDoesNotWrap(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		at   time.Time
		want int64
	}{
		{time.Time{}, 0},
		{now, now.UnixMicro()},
		{now.AddDate(-5000, 0, 0), now.AddDate(-5000, 0, 0).UnixMicro()},
		{now.AddDate(0, 0, -999_999_999), math.MinInt64},
		{now.AddDate(0, 0, 999_999_999), math.MaxInt64},
		{time.UnixMicro(math.MinInt64), math.MinInt64},
		{time.UnixMicro(math.MaxInt64), math.MaxInt64},
	} {
		if got := relational.Stamp(test.at); got != test.want {
			t.Errorf("%s: got %d, want %d", test.at, got, test.want)
		}
	}
}
