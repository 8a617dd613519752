package configcmd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/property"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
)

// poolSetting is a property of a pool and its new value. An empty value restores the
// default.
type poolSetting struct{ property, value string }

// poolItem is a pool with its new settings: an -n with its -y, or a line of a batch file.
type poolItem struct {
	pool  string
	set   []poolSetting
	where string // the file and line of a batch
}

// prefix returns the beginning of a message about the item.
func (it poolItem) prefix() string {
	if it.where == "" {
		return ""
	}
	return it.where + ": "
}

// binds reports whether the item sets a bind DN.
func (it poolItem) binds() bool {
	return slices.ContainsFunc(it.set, func(s poolSetting) bool { return s.property == poolBindDN && s.value != "" })
}

// check returns an error for an item that is invalid whatever the file contains.
func (it poolItem) check(action poolAction, h *cmdutil.Hints) error {
	if action == poolDelete {
		if cmdutil.IsBuiltinPool(it.pool) {
			return cmdutil.Usagef("%severy server has the pool %s; it can be modified, but not deleted", it.prefix(), it.pool)
		}
		return nil
	}
	if action == poolCreate {
		if err := checkPoolName(it.pool); err != nil {
			return cmdutil.Usagef("%s%v", it.prefix(), err)
		}
	}
	if len(it.set) == 0 {
		return cmdutil.Usagef("%s%s: missing properties: use -y PROP=VALUE,...", it.prefix(), ui.Clip(it.pool, maxPoolName))
	}
	seen := map[string]bool{}
	for _, s := range it.set {
		switch {
		case s.property == poolPassword:
			return cmdutil.Usagef("%s%s: bind passwords are not accepted on the command line or in davserver.properties; store it in the vault: %s",
				it.prefix(), poolPassword, h.Line("passfile", "create", "-n", cmdutil.SecretLDAP+ui.Clip(it.pool, maxPoolName)))
		case seen[s.property]:
			return cmdutil.Usagef("%s%s: %s is given twice", it.prefix(), ui.Clip(it.pool, maxPoolName), s.property)
		}
		seen[s.property] = true
	}
	if action == poolCreate && !slices.ContainsFunc(it.set, func(s poolSetting) bool { return s.property == poolHost && s.value != "" }) {
		return cmdutil.Usagef("%s%s: a pool requires %s", it.prefix(), it.pool, poolHost)
	}
	return nil
}

// requestsOf returns the changes of parameters for the items.
func requestsOf(items []poolItem) []config.Request {
	var out []config.Request
	for _, it := range items {
		for _, s := range it.set {
			q := config.Request{Name: cmdutil.PoolPrefix(it.pool) + s.property, Value: s.value, Where: it.where}
			if s.value == "" {
				q.Action = config.ActionUnset
			}
			out = append(out, q)
		}
	}
	return out
}

// poolItems collects -n and -y in the order of the command line: properties belong to the
// -n before them. Those of the first -n may also precede it.
type poolItems struct {
	items []poolItem
	early []poolSetting // -y before the first -n
}

func (p *poolItems) name(pool string) error {
	p.items = append(p.items, poolItem{pool: pool, set: p.early})
	p.early = nil
	return nil
}

func (p *poolItems) properties(text string) error {
	set, err := parsePoolProperties(text)
	if err != nil {
		return err
	}
	to := &p.early
	if len(p.items) > 0 {
		to = &p.items[len(p.items)-1].set
	}
	*to = append(*to, set...)
	return nil
}

// parsePoolProperties parses 'prop=value,prop=value' (package property). Errors do not repeat
// the values, which may contain a password.
func parsePoolProperties(text string) ([]poolSetting, error) {
	list, err := property.Parse(text, property.Known{Names: append(poolProperties(), poolPassword), Fold: true})
	var unknown *property.UnknownError
	switch {
	case errors.As(err, &unknown) && unknown.Near != "":
		return nil, fmt.Errorf("unknown pool property '%s'; did you mean %s?", ui.Clip(unknown.Name, maxPoolName), unknown.Near)
	case errors.As(err, &unknown):
		return nil, fmt.Errorf("unknown pool property '%s' (known: %s)", ui.Clip(unknown.Name, maxPoolName), strings.Join(poolProperties(), ", "))
	case err != nil:
		return nil, fmt.Errorf("%w; use PROP=VALUE", err)
	}
	var out []poolSetting
	for _, p := range list {
		value := strings.Trim(p.Value, " \t")
		_, invalid := directory.AppendNormalDN(nil, []byte(value))
		switch comma := strings.Contains(value, ","); {
		case comma && p.Name == poolBindDN && invalid != nil:
			return nil, fmt.Errorf("%s is not a valid DN: write a comma inside a name of it as \\2C, because \\, is a comma between names", p.Name)
		case comma && p.Name != poolBindDN: // a mistyped property, or a list of hosts
			return nil, fmt.Errorf("%s: unexpected comma: no PROP= of a known property follows it (%s); separate several hosts with spaces",
				p.Name, strings.Join(poolProperties(), ", "))
		}
		out = append(out, poolSetting{p.Name, value})
	}
	return out, nil
}
