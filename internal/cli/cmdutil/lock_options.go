package cmdutil

import (
	"time"

	"github.com/spf13/pflag"
)

// DefaultLockTimeout is the default of --lock-timeout.
const DefaultLockTimeout = 30 * time.Second

// LockOptions is the option --lock-timeout of every command that changes something.
type LockOptions struct{ Timeout time.Duration }

// Add adds the option.
func (o *LockOptions) Add(f *pflag.FlagSet) {
	f.DurationVar(&o.Timeout, "lock-timeout", DefaultLockTimeout, "how long to wait for another run that changes the same kind of data")
}
