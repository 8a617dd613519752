package cmdutil

import (
	"context"
	"fmt"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/route"
)

// MarkHidden returns an error if an entry has the mark of the new server, but the server
// does not show it to the bind DN.
func MarkHidden(ctx context.Context, prove *directory.Prover, mark string, decisions ...*route.Decision) error {
	for _, decision := range decisions {
		if prove == nil || mark == "" || decision == nil || decision.DN == "" || decision.Marked {
			continue
		}
		views, err := prove.Viewer.View(ctx, decision.DN, []string{mark})
		if err != nil {
			return err
		}
		if len(views) > 0 && (views[0].Present || views[0].Rights == directory.RightsDenied) {
			hidden := &directory.HiddenError{Attribute: mark, BindDN: prove.BindDN, DN: decision.DN, Asked: 1, As: views[0].As}
			if views[0].Present {
				hidden.Hidden = 1
			}
			return fmt.Errorf("the answer may be wrong: %w", hidden)
		}
	}
	return nil
}
