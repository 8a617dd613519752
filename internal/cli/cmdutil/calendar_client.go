package cmdutil

import (
	"strconv"
	"time"

	"github.com/davadmin/davadmin/pkg/ischedule"
)

// CalendarClient returns a client for other calendar servers with the timeouts and the
// redirect limit of a home's configuration, or with the defaults if home is nil.
func CalendarClient(home *HomeConfig) *ischedule.Client {
	var options ischedule.Options
	if home == nil {
		return ischedule.New(options)
	}
	// An invalid number is reported by 'config check'; here the default is used.
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
