package cmdutil

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// States of a ClifileDefault.
const (
	DefaultInForce    = "in force"
	DefaultOverridden = "overridden"
	DefaultNotUsed    = "not used"
	DefaultRefused    = "refused"
)

// ClifileDefault is a line of a clifile, or an environment variable that sets an option.
type ClifileDefault struct {
	Option   string `json:"option"`            // as a key of a clifile
	Commands string `json:"command,omitempty"` // the only command or operation for which it is meant
	Value    string `json:"value"`
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Variable string `json:"variable,omitempty"`
}

// Source returns where the default is.
func (d ClifileDefault) Source() string {
	if d.Variable != "" {
		return d.Variable
	}
	return fmt.Sprintf("%s, line %d", d.File, d.Line)
}

// Clifiles returns every line of the clifiles of this run, in the order of their precedence,
// after the environment variables that take precedence over them.
func (hs *Homes) Clifiles(o *HomeOptions) ([]ClifileDefault, error) {
	files, err := hs.findClifiles(o)
	if err != nil {
		return nil, err
	}
	out := hs.variableDefaults()
	first := map[string]string{} // where a key was found first
	for _, d := range out {
		first[d.Option] = d.Variable
	}
	for _, c := range files {
		here := map[string]string{}
		for i := range c.lines {
			l := &c.lines[i]
			d := hs.show(c, l)
			key := strings.ToLower(l.key)
			if by, ok := first[key]; ok && d.State == DefaultInForce {
				d.State, d.Reason = DefaultOverridden, "by "+by
			}
			by := hs.variableOf(l.option)
			if l.option == "home" && hs.global.Home != "" {
				by = "--home"
			}
			if by != "" && d.State == DefaultInForce {
				d.State, d.Reason = DefaultOverridden, "by "+by
			}
			if d.State == DefaultInForce {
				here[key] = c.place(l)
			}
			out = append(out, d)
		}
		for key, by := range here {
			first[key] = by
		}
	}
	return out, nil
}

// variableDefaults returns the environment variables that set an option.
func (hs *Homes) variableDefaults() []ClifileDefault {
	var out []ClifileDefault
	for _, option := range []string{"home", "clifile", "account", "vault-key", "password-file", "prove-password-file", "no-color"} {
		v := optionVariable(option)
		switch option {
		case "clifile":
			v = "DAVADMIN_CLIFILE"
		case "account":
			v = subjectVariable(option)
		}
		value := hs.getenv(v)
		if value == "" {
			continue
		}
		if strings.HasSuffix(option, "password-file") {
			value = "(a password)"
		}
		out = append(out, ClifileDefault{Option: option, Value: value, State: DefaultInForce, Variable: v})
	}
	return out
}

// show returns a line as it is by itself.
func (hs *Homes) show(c *clifile, l *clifileLine) ClifileDefault {
	d := ClifileDefault{Option: l.key, Commands: l.scope, Value: l.value, State: DefaultInForce, File: c.path, Line: l.number}
	switch {
	case l.original:
		d.State, d.Reason = DefaultNotUsed, "a key of the original davadmin, which logs in to the server"
		if key := strings.ToLower(l.key); key == "hostname" || key == "port" {
			d.Reason += "; for the directory, use OPERATION.ACTION." + key
		}
	case l.problem == "" && l.option == "home" && c.from == clifileOfHome:
		d.State, d.Reason = DefaultNotUsed, "it is in the clifile of a home"
	case l.problem == "":
		l.problem = hs.valueProblem(c, l)
	}
	if l.problem != "" {
		d.State, d.Reason = DefaultRefused, l.problem
	}
	// What is not the value of an option of ours may be a password.
	if l.option == "" && looksSecret(l.key) && !l.original {
		d.Value = "********"
	}
	d.Value = maskURLs(d.Value)
	return d
}

// valueProblem returns why the option does not accept the value, or "".
func (hs *Homes) valueProblem(c *clifile, l *clifileLine) string {
	problem := ""
	var look func(cmd *cobra.Command, path string)
	look = func(cmd *cobra.Command, path string) {
		for _, sub := range cmd.Commands() {
			look(sub, strings.TrimSpace(path+" "+sub.Name()))
		}
		f := cmd.Flags().Lookup(l.option)
		if f == nil {
			f = cmd.InheritedFlags().Lookup(l.option)
		}
		if f == nil || problem != "" || l.scope != "" && path != l.scope && !strings.HasPrefix(path, l.scope+" ") {
			return
		}
		class, own := optionClass(path, l.option)
		if class.Refusal() != "" || class == OptionOfCommand && l.scope == "" || own && path != l.scope || isMirrored(f) {
			return
		}
		if v := c.resolve(f, l.value); f.Value.Set(v) != nil {
			problem = invalidValue(f, l.value, f.Value.Set(v))
			return
		}
		if _, list := f.Value.(pflag.SliceValue); list {
			return
		}
		for i := range c.lines {
			if o := &c.lines[i]; o.number < l.number && o.option == l.option && o.scope == l.scope {
				problem = fmt.Sprintf("the key is already in line %d", o.number)
				return
			}
		}
	}
	look(hs.commandTree(), "")
	return problem
}

func isMirrored(f *pflag.Flag) bool {
	_, ok := f.Value.(*MirroredOption)
	return ok
}

// Refused returns an error if a line of a clifile is refused. It names the first one with its
// reason, because a narrow table does not show reasons.
func Refused(defaults []ClifileDefault) error {
	var refused []ClifileDefault
	for _, d := range defaults {
		if d.State == DefaultRefused {
			refused = append(refused, d)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	what := "1 line is refused, which stops every other command; correct or remove it"
	if len(refused) > 1 {
		what = fmt.Sprintf("%d lines are refused, which stops every other command; correct or remove them, first", len(refused))
	}
	return Usagef("%s: %s: %s: %s", what, refused[0].Source(), refused[0].Option, refused[0].Reason)
}
