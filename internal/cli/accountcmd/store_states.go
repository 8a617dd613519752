package accountcmd

import (
	"context"

	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// storeState is a back end with the state of its store.
type storeState struct {
	backends.Location
	state store.SchemaState
	err   error
}

// statesOf returns the states of the stores of the back end with this name or, if it is
// empty, of all back ends, sorted by id. It asks all databases at the same time, so that it
// waits only for the slowest one.
func statesOf(ctx context.Context, set *backends.Set, name string, o backends.Options) []storeState {
	var out []storeState
	for _, l := range set.Locations() {
		if name == "" || name == l.Backend {
			out = append(out, storeState{Location: l})
		}
	}
	var all crash.Group
	for i := range out {
		all.Go(func() { out[i].state, out[i].err = out[i].State(ctx, o) })
	}
	all.Wait()
	return out
}
