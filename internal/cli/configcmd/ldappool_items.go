package configcmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// poolSetting is one property of a pool and its value; the empty value stands for
// the default.
type poolSetting struct{ property, value string }

// poolItem is one -n with its -y, or a line of a batch.
type poolItem struct {
	pool  string
	set   []poolSetting
	where string // of a line
}

// place is what a message begins with.
func (it poolItem) place() string {
	if it.where == "" {
		return ""
	}
	return it.where + ": "
}

// binds tells whether the pool is told as whom to bind.
func (it poolItem) binds() bool {
	return slices.ContainsFunc(it.set, func(s poolSetting) bool { return s.property == poolBindDN && s.value != "" })
}

// check refuses what can be seen to be wrong without the file.
func (it poolItem) check(action poolAction) error {
	if action == poolDelete {
		if cmdutil.IsBuiltinPool(it.pool) {
			return cmdutil.Usagef("%severy server has the pool %s: it can be modified, and not deleted", it.place(), it.pool)
		}
		return nil
	}
	if action == poolCreate {
		if err := checkPoolName(it.pool); err != nil {
			return cmdutil.Usagef("%s%v", it.place(), err)
		}
	}
	if len(it.set) == 0 {
		return cmdutil.Usagef("%s%s: which properties? Give -y PROP=VALUE,...", it.place(), ui.Clip(it.pool, maxPoolName))
	}
	seen := map[string]bool{}
	for _, s := range it.set {
		switch {
		case s.property == poolPassword:
			return cmdutil.Usagef("%s%s: a bind password stands neither on a command line nor in davserver.properties; keep it in the vault: davadmin passfile create -n %s%s",
				it.place(), poolPassword, cmdutil.SecretLDAP, ui.Clip(it.pool, maxPoolName))
		case seen[s.property]:
			return cmdutil.Usagef("%s%s: %s is given twice", it.place(), ui.Clip(it.pool, maxPoolName), s.property)
		}
		seen[s.property] = true
	}
	if action == poolCreate && !slices.ContainsFunc(it.set, func(s poolSetting) bool { return s.property == poolHost && s.value != "" }) {
		return cmdutil.Usagef("%s%s: a pool needs its %s", it.place(), it.pool, poolHost)
	}
	return nil
}

// requestsOf returns what the items ask of the configuration.
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

// poolItems collects -n and -y in the order of the command line: properties belong
// to the -n before them. With a single -n they may also stand in front.
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

// parsePoolProperties reads 'prop=value,prop=value'. A DN has commas and equal signs
// of its own, so that behind binddn only a comma before a property ends the value.
// What stands behind the = of a property that is not known is not repeated.
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
			return nil, fmt.Errorf("'%s' is no property of a pool; did you mean %s?", ui.Clip(name, maxPoolName), near)
		case found:
			return nil, fmt.Errorf("'%s' is no property of a pool; there are %s", ui.Clip(name, maxPoolName), strings.Join(poolProperties(), ", "))
		case name == "":
			return nil, fmt.Errorf("there is nothing before a comma or behind the last; a property is PROP=VALUE")
		default:
			return nil, fmt.Errorf("there is no '=' between property and value; a property is PROP=VALUE, and several hosts are parted by blanks")
		}
	}
	for i := range out {
		out[i].value = strings.Trim(out[i].value, " \t")
	}
	return out, nil
}

// shortAttribute is how long the attributes are that begin a part of a DN and may
// look like a mistyped property.
const shortAttribute = 4
