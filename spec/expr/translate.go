package expr

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/expr-lang/expr/parser/lexer"

	"github.com/flowrun/flowrun/foreign"
)

// translation rewrites Python: x.f(a) as f(x, a), torch.f(x) as f(x), (a, b) as [a, b], True
// as true, and names by tables. It works on tokens, as much of Python can't be parsed here.
type translation struct {
	*parsing
	advice string // why a part has no counterpart, if one hasn't
}

// translate writes the whole expression in this language. Where that can't be
// done, advice may say why.
func (p *parsing) translate() (text, advice string) {
	if !p.matched || len(p.tokens) > 200 {
		return "", ""
	}
	t := &translation{parsing: p}
	text = t.sequence(0, len(p.tokens))
	if t.advice != "" {
		return "", t.advice
	}
	if !p.reads(text) {
		return "", ""
	}
	return text, ""
}

// gap is what stands between token i and the one before it: at most a space.
func (t *translation) gap(i, first int) string {
	if i > first && t.tokens[i].From > t.tokens[i-1].To {
		return " "
	}
	return ""
}

// sequence translates tokens from up to to: operands with operators between them.
func (t *translation) sequence(from, to int) string {
	var b strings.Builder
	for i := from; i < to; {
		b.WriteString(t.gap(i, from))
		tok := t.tokens[i]
		if tok.Kind == lexer.Operator || tok.Kind == lexer.Bracket && strings.Contains(")]}", tok.Value) {
			b.WriteString(cmp.Or(operators[t.text(tok.From, tok.To)], t.text(tok.From, tok.To)))
			i++
			continue
		}
		text, next := t.chain(i)
		b.WriteString(text)
		i = next
	}
	return b.String()
}

// operators are those of other languages that are written otherwise here.
var operators = map[string]string{"^": "**", "&": "and", "=": "=="}

// call is a name with its arguments, perhaps of a layer that waits for its input.
type call struct {
	name   string
	args   []string
	before string // the advice before it was made
}

// chain translates an operand with all that follows it: attributes, calls and
// indices. It also gives the token behind it.
func (t *translation) chain(i int) (text string, next int) {
	tok := t.tokens[i]
	name, grouped := "", false
	switch {
	case tok.Kind == lexer.Bracket && tok.Value == "(":
		grouped = true
		text, next = t.group(i), t.pair[i]+1
	case tok.Kind == lexer.Bracket:
		text, next = tok.Value+t.sequence(i+1, t.pair[i])+t.tokens[t.pair[i]].Value, t.pair[i]+1
	case tok.Kind == lexer.Identifier:
		name, text, next = tok.Value, word(tok.Value), i+1
	default:
		text, next = t.text(tok.From, tok.To), i+1
	}
	space := foreign.Namespaces[name] // what was read so far is a library's name
	var made *call
	for next < len(t.tokens) {
		switch {
		case t.is(next, ".") && t.kind(next+1) == lexer.Identifier && t.is(next+2, "("):
			method := t.tokens[next+1].Value
			args := t.arguments(next + 2)
			if !space {
				args = append([]string{bare(text, grouped)}, args...)
			}
			made = &call{method, args, t.advice}
			text, next = t.written(made, !space), t.pair[next+2]+1
		case t.is(next, ".") && t.kind(next+1) == lexer.Identifier && space && foreign.Namespaces[t.tokens[next+1].Value]:
			next += 2
			continue
		case t.is(next, ".") && t.kind(next+1) == lexer.Identifier:
			attribute := t.tokens[next+1].Value
			made = nil
			if text += "." + attribute; space {
				text = constant(attribute)
			}
			next += 2
		case t.is(next, "(") && name != "":
			made = &call{name, t.arguments(next), t.advice}
			text, next = t.written(made, false), t.pair[next]+1
		case t.is(next, "(") && made != nil: // nn.Linear(8, 16)(x)
			t.advice = made.before
			made = &call{made.name, append(t.arguments(next), made.args[min(given(made), len(made.args)):]...), made.before}
			text, next = t.written(made, false), t.pair[next]+1
		case t.is(next, "["):
			text, next = text+"["+t.sequence(next+1, t.pair[next])+"]", t.pair[next]+1
		default:
			return text, next
		}
		name, space, grouped = "", false, false
	}
	return text, next
}

// bare is a text without the brackets around all of it.
func bare(text string, grouped bool) string {
	if grouped && strings.HasPrefix(text, "(") {
		return text[1 : len(text)-1]
	}
	return text
}

// group translates brackets: a tuple is a list.
func (t *translation) group(i int) string {
	if t.pair[i] == i+1 || len(t.pieces(i)) > 1 || t.is(t.pair[i]-1, ",") {
		return "[" + strings.Join(t.arguments(i), ", ") + "]"
	}
	return "(" + t.sequence(i+1, t.pair[i]) + ")"
}

// pieces are what stands between the commas of a bracket, in tokens.
func (t *translation) pieces(open int) []span {
	var all []span
	start := open + 1
	for i := start; i <= t.pair[open]; i++ {
		if i < t.pair[open] && t.kind(i) == lexer.Bracket && t.pair[i] > i {
			i = t.pair[i]
			continue
		}
		if i == t.pair[open] || t.is(i, ",") {
			if start < i {
				all = append(all, span{start, i})
			}
			start = i + 1
		}
	}
	return all
}

func (t *translation) arguments(open int) []string {
	var args []string
	for _, s := range t.pieces(open) {
		if t.kind(s.from) == lexer.Identifier && t.is(s.from+1, "=") {
			args = append(args, argument(t.tokens[s.from].Value)+"="+t.sequence(s.from+2, s.to))
			continue
		}
		args = append(args, t.sequence(s.from, s.to))
	}
	return args
}

// argument is the name of an argument here. Of several the table can't tell;
// these are told by every operation.
func argument(name string) string {
	switch here := foreign.Arguments[name]; here {
	case "dim", "keepdim":
		return here
	}
	return name
}

// word is a word of Python's here.
func word(name string) string {
	if here, ok := strings.CutPrefix(foreign.Words[name], "write "); ok {
		return here
	}
	return name
}

// constant is what a library's constant is here: torch.pi, or torch.float32.
func constant(name string) string {
	if here := foreign.DTypes[name]; here != "" && !foreign.IsAdvice(here) {
		return `"` + here + `"`
	}
	return word(name)
}

// given is how many arguments of a layer object say what the input says here.
func given(c *call) int {
	positional := 0
	for _, a := range c.args {
		if !named.MatchString(a) {
			positional++
		}
	}
	if least, ok := foreign.Given[c.name]; ok && positional >= least {
		return 1
	}
	return 0
}

var (
	number   = regexp.MustCompile(`^[\w.]*=?[0-9.]+$`)
	named    = regexp.MustCompile(`^[A-Za-z_]\w*=`)
	operand  = regexp.MustCompile(`^[\w.]+(?:\(.*\))?$`)
	template = regexp.MustCompile(`\bx\b`)
)

// written writes a call under the name that it has here.
func (t *translation) written(c *call, method bool) string {
	name, args := c.name, c.args
	here, known := foreign.Functions()[name]
	cast, isCast := foreign.Casts[name]
	switch special := foreign.Methods[name]; {
	case method && isCast && len(args) == 1:
		return "cast(" + args[0] + `, "` + cast + `")`
	case method && (name == "to" || name == "type" || name == "astype") && len(args) == 2 && strings.HasPrefix(args[1], `"`) && !strings.Contains(args[1], "cuda") && !strings.Contains(args[1], "cpu"):
		return "cast(" + args[0] + ", " + args[1] + ")"
	case method && special != "":
		t.advise(special)
		return ""
	case known && strings.HasPrefix(here, "write ") && len(args) == 1 && !strings.ContainsAny(here, "[;") && !regexp.MustCompile(`\by\b|\bmask\b|\btarget\b`).MatchString(here):
		x := args[0]
		if !operand.MatchString(x) {
			x = "(" + x + ")"
		}
		text := template.ReplaceAllLiteralString(strings.TrimPrefix(here, "write "), x)
		if strings.ContainsAny(text, " -") && !strings.HasSuffix(text, ")") || strings.HasPrefix(text, "(") {
			text = "(" + text + ")"
		}
		return text
	case known && foreign.IsAdvice(here):
		if strings.HasPrefix(here, "write ") {
			here = name + ": " + here
		}
		t.advise(here)
		return ""
	case known:
		name = here
	}
	c.name = name
	if least, layer := foreign.Given[name]; layer && len(args) >= least && !slices.ContainsFunc(args, func(a string) bool { return !number.MatchString(a) }) {
		t.advise("call the layer with its input: " + name + "(" + strings.Join(append([]string{"x"}, args[min(1, len(args)):]...), ", ") + ")")
		return name + "()"
	}
	return name + "(" + strings.Join(listed(name, args), ", ") + ")"
}

func (t *translation) advise(advice string) {
	if t.advice == "" {
		t.advice = advice
	}
}

// listed puts into a list what other libraries take one by one: sizes, and the
// tensors of concat.
func listed(name string, args []string) []string {
	first, ok := foreign.Sized[name]
	if !ok || first >= len(args) {
		return args
	}
	last := first
	for last < len(args) && !named.MatchString(args[last]) {
		last++
	}
	if last == first || strings.HasPrefix(args[first], "[") {
		return args
	}
	list := "[" + strings.Join(args[first:last], ", ") + "]"
	return slices.Concat(args[:first], []string{list}, args[last:])
}
