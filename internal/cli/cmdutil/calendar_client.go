package cmdutil

import (
	"strconv"
	"time"

	"github.com/davadmin/davadmin/pkg/ischedule"
)

// CalendarClient asks calendar servers as the server of a home does: with its
// time-outs and number of redirects. Without a home it goes by the usual values.
func CalendarClient(home *HomeConfig) *ischedule.Client {
	var options ischedule.Options
	if home == nil {
		return ischedule.New(options)
	}
	// What is no number is for 'config check'; the usual value is taken then.
	number := func(parameter string) (n int, ok bool) {
		n, err := strconv.Atoi(home.Value(parameter))
		return min(n, int(time.Hour/time.Millisecond)), err == nil && n >= 0
	}
	if n, ok := number("davcore.serverlimits.httpconnecttimeout"); ok {
		options.ConnectTimeout = time.Duration(n) * time.Millisecond
	}
	if n, ok := number("davcore.serverlimits.httpsockettimeout"); ok {
		options.ReadTimeout = time.Duration(n) * time.Millisecond
	}
	if n, ok := number("davcore.serverlimits.maxhttpredirects"); ok {
		if options.MaxRedirects = n; n == 0 {
			options.MaxRedirects = -1
		}
	}
	return ischedule.New(options)
}
