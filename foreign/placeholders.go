package foreign

import (
	"regexp"
	"strings"
)

// Placeholder is a piece of a text that a template's engine, a shell or a CI
// system would have filled in.
type Placeholder struct {
	From, To    int    // bytes
	Text        string // as it is written: ${lr}
	Name        string // what it names: lr; "" if that is no name
	Environment bool   // it asks for a variable of the environment, or a secret
}

// placeholders are the forms of placeholders, the longer before the shorter. The
// first group that matched is what stands inside.
var placeholders = regexp.MustCompile(strings.Join([]string{
	`\$\{\{\s*([^{}]*?)\s*\}\}`, // GitHub
	`\$\{\s*([^{}]*?)\s*\}`,     // shells, OmegaConf, Compose
	`\{\{-?\s*([^{}]*?)\s*-?\}\}`,
	`<%=?\s*([^<>]*?)\s*%>`,
	`[%#]\{\s*([^{}]*?)\s*\}`,
	`%\(\s*([A-Za-z_][\w.]*)\s*\)[sdfg]`, // Python's old formatting
	`\$\(\s*([^()]*?)\s*\)`,
	`\$([A-Za-z_]\w*)`,
}, "|"))

// whole are placeholders only if they are all of a text.
var whole = regexp.MustCompile(`^\s*(?:\{\s*([A-Za-z_]\w*)\s*\}|<([A-Za-z_]\w*)>|@([A-Za-z_]\w*)|%([A-Za-z_]\w*)%)\s*$`)

// FindPlaceholder finds the first placeholder of a text.
func FindPlaceholder(text string) (p Placeholder, ok bool) {
	if !strings.ContainsAny(text, "${<%#@") {
		return p, false
	}
	m := placeholders.FindStringSubmatchIndex(text)
	if m == nil {
		m = whole.FindStringSubmatchIndex(text)
	}
	if m == nil {
		return p, false
	}
	p = Placeholder{From: m[0], To: m[1], Text: text[m[0]:m[1]]}
	for i := 2; i < len(m); i += 2 {
		if m[i] >= 0 {
			p.Name, p.Environment = named(text[m[i]:m[i+1]])
		}
	}
	return p, true
}

// environments are what stands before the name of a variable that isn't the
// text's own.
var environments = strings.Fields("env oc.env ENV secrets github matrix inputs vault param ssm")

var plainName = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// named takes the name out of what stands in a placeholder: of vars.lr, env:LR,
// lr:-0.1, lr | default(0.1).
func named(inside string) (name string, environment bool) {
	inside, _, _ = strings.Cut(inside, "|")
	inside = strings.TrimSpace(inside)
	for _, e := range environments {
		for _, separator := range []string{":", ".", "("} {
			if rest, ok := strings.CutPrefix(inside, e+separator); ok {
				inside, environment = rest, true
			}
		}
	}
	if i := strings.IndexAny(inside, ":-,?=)"); i > 0 { // its default
		inside = strings.TrimSpace(inside[:i])
	}
	inside = strings.Trim(inside, `'"`)
	if i := strings.LastIndexByte(inside, '.'); i >= 0 {
		inside = inside[i+1:]
	}
	if !plainName.MatchString(inside) {
		return "", environment
	}
	return inside, environment
}

// Explain says that a placeholder is one, and what to write for the text that it
// stands in; "" if that isn't known.
func (p Placeholder) Explain(text string) (message, help string) {
	message = "`" + p.Text + "` is a placeholder, and nothing fills it in"
	if p.Environment && p.Name != "" {
		return message, "no environment is read: write " + p.Name + ", make it a var, and give it by --set " + p.Name + "=VALUE"
	}
	if filled, ok := Filled(text); ok {
		return message, "a var is written by its name alone: write " + filled
	}
	return message, "write the value itself, or the name of a var"
}

// Filled is a text whose placeholders are replaced by the names in them; ok is
// false if one has none.
func Filled(text string) (filled string, ok bool) {
	for range 100 {
		p, found := FindPlaceholder(text)
		if !found {
			return filled + text, true
		}
		if p.Name == "" {
			return "", false
		}
		filled += text[:p.From] + p.Name
		text = text[p.To:]
	}
	return "", false
}
