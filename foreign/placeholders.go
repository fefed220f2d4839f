package foreign

import (
	"regexp"
	"strings"
)

// Placeholder is a piece of text that a template engine, a shell or a CI system would
// have expanded.
type Placeholder struct {
	From, To    int    // bytes
	Text        string // as written: ${lr}
	Name        string // the name in it: lr; "" if there is none
	Environment bool   // it refers to an environment variable or a secret
}

// placeholders matches all forms of placeholders, longer forms first. The first group
// that matched is the content.
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

// whole matches forms that are placeholders only if they are the whole text.
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

// environments are the prefixes of names that refer to the environment.
var environments = strings.Fields("env oc.env ENV secrets github matrix inputs vault param ssm")

var plainName = regexp.MustCompile(`^[A-Za-z_]\w*$`)

// named extracts the name from the content of a placeholder: vars.lr, env:LR, lr:-0.1,
// lr | default(0.1).
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

// Explain reports a placeholder, and what to write instead of the text that contains
// it; "" if unknown.
func (p Placeholder) Explain(text string) (message, help string) {
	message = "`" + p.Text + "` is a placeholder, which isn't expanded"
	if p.Environment && p.Name != "" {
		return message, "environment variables aren't supported: write " + p.Name + ", make it a var, and set it with --set " + p.Name + "=VALUE"
	}
	if filled, ok := Filled(text); ok {
		return message, "use the var's name alone: write " + filled
	}
	return message, "write the value itself, or the name of a var"
}

// Filled replaces the placeholders in a text by their names; ok is false if one has no
// name.
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
