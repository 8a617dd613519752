package cmdutil

import (
	"time"

	"github.com/spf13/pflag"
)

const DefaultLockTimeout = 30 * time.Second

// LockOptions are the options of every command that changes something.
type LockOptions struct{ Timeout time.Duration }

func (o *LockOptions) Add(f *pflag.FlagSet) {
	f.DurationVar(&o.Timeout, "lock-timeout", DefaultLockTimeout, "how long to wait for another run that changes something")
}
