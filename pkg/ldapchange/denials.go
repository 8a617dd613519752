package ldapchange

import (
	"sync/atomic"

	"github.com/davadmin/davadmin/pkg/directory"
)

// maxDenied is the number of entries that a run with Options.Continue may not change for
// want of rights before it ends, if it has not changed any. Rights can differ between
// subtrees, so that the first refusal does not mean that all changes will be refused.
const maxDenied = 100

// denied reports whether the change was refused because of missing rights.
func (o *outcome) denied() bool { return directory.ResultCode(o.refusal) == codeNoRights }

// denials ends a run that cannot continue, or whose bind DN lacks rights. It may be used by
// several goroutines.
type denials struct {
	stop            func()
	all             bool // Options.Continue
	insist          bool // Applier.insist
	denied, changed atomic.Int64
}

// count takes note of an outcome.
func (d *denials) count(o *outcome) {
	switch {
	case o.denied():
		d.denied.Add(1)
	case o.done:
		d.changed.Add(1)
	}
	if o.err != nil || o.denied() && (!d.all || !d.insist && d.denied.Load() >= maxDenied && d.changed.Load() == 0) {
		d.stop()
	}
}
