package configcmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
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

// parsePoolProperties parses 'prop=value,prop=value'. A DN contains commas and equal signs,
// so the value of binddn ends only at a comma before a property. Errors do not repeat the
// value of an unknown property, which may be a password.
func parsePoolProperties(text string) ([]poolSetting, error) {
	known := append(poolProperties(), poolPassword)
	var out []poolSetting
	for part := range strings.SplitSeq(text, ",") {
		name, value, found := strings.Cut(part, "=")
		name = strings.ToLower(strings.Trim(name, " \t"))
		inDN := len(out) > 0 && out[len(out)-1].property == poolBindDN
		near, looksLike := config.NearestWord(name, known)
		switch {
		case found && slices.Contains(known, name):
			out = append(out, poolSetting{name, strings.Trim(value, " \t")})
		case inDN && !(found && looksLike && len(name) > shortAttribute):
			out[len(out)-1].value += "," + part
		case found && looksLike:
			return nil, fmt.Errorf("unknown pool property '%s'; did you mean %s?", ui.Clip(name, maxPoolName), near)
		case found:
			return nil, fmt.Errorf("unknown pool property '%s' (known: %s)", ui.Clip(name, maxPoolName), strings.Join(poolProperties(), ", "))
		case name == "":
			return nil, fmt.Errorf("missing property before or after a comma; use PROP=VALUE")
		default:
			return nil, fmt.Errorf("missing '=' between property and value; use PROP=VALUE, and separate several hosts with spaces")
		}
	}
	for i := range out {
		out[i].value = strings.Trim(out[i].value, " \t")
	}
	return out, nil
}

// shortAttribute is the maximum length of attributes in a DN that are not taken for a
// mistyped property.
const shortAttribute = 4
