package spec_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec"
)

// everyPlace has a scalar in every place of the language that takes one, marked
// ‹kind:text›: E is an expression in block context, e one in a flow collection, t a
// type there, T one in block context; N and n are read as they are.
const everyPlace = `flowrun: 1
name: ‹N:base›
seed: ‹S:1›
vars:
  lr: 0.1
  wide: {value: 2, type: ‹n:int›, min: ‹s:1›, max: ‹s:3›}
data:
  points:
    generate:
      x: ‹E:uniform(-1, 1, [4, 8])›
      target: {uniform: [‹e:-1›, ‹e:1›], shape: ‹e:[4, 1]›}
modules:
  Scale:
    inputs:
      x: ‹T:float[..., n]›
    args: {by: {type: ‹n:float›, default: ‹e:2 * 1.5›}, how: {type: string, default: up, values: [‹f:up›, down]}}
    require:
      by is positive: ‹E:by > 0 and how == 'up'›
    params:
      w: {shape: [‹e:n›], init: ‹e:1›, when: ‹e:by > 1›}
    state:
      seen: ‹E:1.0 * 2›
    update:
      seen: ‹E:seen + 1›
    output: ‹E:x * w * by + next(seen)›
optimizers:
  Plain:
    args: {lr: scalar}
    state: {old: ‹e:zeros_like(param)›}
    update:
      old: ‹E:old + grad›
      param: ‹E:param - lr * next(old)›
model:
  inputs: {x: ‹t:f32[4, 8]›}
  nodes:
    h: {Linear: ‹e:x›, out_features: ‹e:8›, bias: ‹e:true›, dtype: ‹n:f32›, trainable: ‹s:true›, device: ‹n:cpu›}
    r: {Linear: h, out_features: 8, repeat: ‹e:wide›}
    s: {Scale: r, by: ‹e:1.5›}
    c: {if: ‹e:wide > 1›, then: ‹e:s + 1›, else: {exp: ‹e:s›}}
    y: {Linear: c, out_features: 1}
  outputs: [‹n:y›]
train:
  data: ‹N:points›
  loss: ‹E:mse_loss(y, target)›
  optimizer: {Plain: {lr: ‹e:lr›}}
  metrics:
    a: ‹E:ema(loss, 0.9)›
    b: {mean: ‹e:y›}
  until: ‹E:a < 0.1›
  max_steps: ‹S:10›
  log_every: ‹S:1›
  clip_grad_norm: ‹E:1.0 + step›
  accumulate: ‹S:1›
  param_groups:
    - {match: "h.*", lr: ‹e:0.2›, frozen: ‹s:false›}
  eval: {data: ‹n:points›, every: ‹s:5›, batches: ‹s:2›, metrics: {a: ‹e:mean(y)›}}
  early_stop: {metric: ‹n:eval.a›, patience: ‹s:5›, mode: ‹n:min›, min_delta: ‹s:0.1›}
  checkpoint: {every: ‹s:5›, keep: ‹s:2›, best: {metric: ‹n:a›, mode: ‹n:max›}}
placement:
  default: ‹N:cpu›
  rules: [{match: "h*", device: ‹n:cpu›}]
`

var mark = regexp.MustCompile(`‹(\w):([^›]*)›`)

// style writes a text as a YAML scalar. It also gives, for each of its characters
// and its end, the place where it stands, as line and column from the scalar's
// beginning, columns of later lines from their line's; ok is false where the style
// can't.
type style struct {
	name  string
	flow  bool // it may stand in a flow collection
	write func(text []rune, indent string) (scalar string, positions []diag.Pos, ok bool)
}

// pieces joins what characters are written as, and notes where each begins.
func pieces(before string, after string, text []rune, piece func(i int, r rune) string) (string, []diag.Pos, bool) {
	var b strings.Builder
	b.WriteString(before)
	var positions []diag.Pos
	here := func() diag.Pos {
		s := b.String()
		line := strings.Count(s, "\n")
		return diag.Pos{Line: line, Col: len([]rune(s[strings.LastIndex(s, "\n")+1:]))}
	}
	for i, r := range text {
		positions = append(positions, here())
		b.WriteString(piece(i, r))
	}
	positions = append(positions, here())
	return b.String() + after, positions, true
}

// broken is a scalar over two lines: its first space is the line's end.
func broken(before, after, indent string, text []rune, escape func(r rune) string) (string, []diag.Pos, bool) {
	at := strings.IndexRune(string(text), ' ')
	if at < 1 {
		return "", nil, false
	}
	at = len([]rune(string(text)[:at]))
	return pieces(before, after, text, func(i int, r rune) string {
		if i == at {
			return "\n" + indent
		}
		return escape(r)
	})
}

func itself(r rune) string { return string(r) }

func double(r rune) string {
	if r == '"' || r == '\\' {
		return `\` + string(r)
	}
	return string(r)
}

func single(r rune) string { return strings.ReplaceAll(string(r), "'", "''") }

func escaped(r rune) string {
	switch r % 3 {
	case 0:
		return fmt.Sprintf(`\x%02x`, r)
	case 1:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}

var styles = []style{
	{"plain", false, func(text []rune, _ string) (string, []diag.Pos, bool) {
		s, p, _ := pieces("", "", text, func(_ int, r rune) string { return string(r) })
		return s, p, !strings.ContainsAny(s[:1], `"'[{&*!|>%@`)
	}},
	{"plain on two lines", false, func(text []rune, indent string) (string, []diag.Pos, bool) {
		s, p, ok := broken("", "", indent, text, itself)
		return s, p, ok && !strings.ContainsAny(s[:1], `"'[{&*!|>%@`)
	}},
	{"double quotes", true, func(text []rune, _ string) (string, []diag.Pos, bool) {
		return pieces(`"`, `"`, text, func(_ int, r rune) string { return double(r) })
	}},
	{"escapes", true, func(text []rune, _ string) (string, []diag.Pos, bool) {
		return pieces(`"`, `"`, text, func(_ int, r rune) string { return escaped(r) })
	}},
	{"some escapes", true, func(text []rune, _ string) (string, []diag.Pos, bool) {
		return pieces(`"`, `"`, text, func(i int, r rune) string {
			if i%2 == 0 {
				return escaped(r)
			}
			return double(r)
		})
	}},
	{"an escape for a space", true, func(text []rune, _ string) (string, []diag.Pos, bool) {
		return pieces(`"`, `"`, text, func(_ int, r rune) string {
			if r == ' ' {
				return `\ `
			}
			return double(r)
		})
	}},
	{"double quotes on two lines", true, func(text []rune, indent string) (string, []diag.Pos, bool) {
		return broken(`"`, `"`, indent, text, double)
	}},
	{"double quotes with a line that goes on", true, func(text []rune, indent string) (string, []diag.Pos, bool) {
		cut := 2
		for cut < len(text) && text[cut] == ' ' { // spaces at the beginning of a line are none of the text
			cut++
		}
		if cut >= len(text) {
			return "", nil, false
		}
		before, first, _ := pieces(`"`, "", text[:cut], func(_ int, r rune) string { return double(r) })
		after, second, _ := pieces(indent, `"`, text[cut:], func(_ int, r rune) string { return double(r) })
		for i := range second {
			second[i].Line++
		}
		return before + "\\\n" + after, append(first[:cut], second...), true
	}},
	{"single quotes", true, func(text []rune, _ string) (string, []diag.Pos, bool) {
		return pieces(`'`, `'`, text, func(_ int, r rune) string { return single(r) })
	}},
	{"single quotes on two lines", true, func(text []rune, indent string) (string, []diag.Pos, bool) {
		return broken(`'`, `'`, indent, text, single)
	}},
	{"a literal block", false, func(text []rune, indent string) (string, []diag.Pos, bool) {
		return pieces("|-\n"+indent, "", text, func(_ int, r rune) string { return string(r) })
	}},
	{"a folded block", false, func(text []rune, indent string) (string, []diag.Pos, bool) {
		return broken(">-\n"+indent, "", indent, text, itself)
	}},
}

// faults are texts for a kind of place, with the part of them that is wrong: from
// and to, in characters; all of the scalar if both are 0.
var faultsOf = map[string][]struct {
	text     string
	from, to int
}{
	"e": {{"1 + zzz", 4, 7}, {"['é', 'b' , zzz][0]", 12, 15}, {"zzz", 0, 3}},
	"t": {{"f32[4, zzz * 2]", 7, 10}, {"f99[4, 8]", 0, 3}},
	"n": {{"no such", 0, 0}},
	"s": {{"no such", 0, 0}},
}

func TestAFaultInsideAScalarIsReportedAtItsPositionInEveryStyle(t *testing.T) {
	plain := mark.ReplaceAllStringFunc(everyPlace, func(m string) string {
		sub := mark.FindStringSubmatch(m)
		if sub[1] == "S" || sub[1] == "s" {
			return sub[2]
		}
		return `"` + sub[2] + `"`
	})
	program, list := spec.Parse("s.yaml", []byte(plain), spec.Options{})
	require.NotNil(t, program, list.Text())
	positions := mark.FindAllStringSubmatchIndex(everyPlace, -1)
	require.Greater(t, len(positions), 60)
	tried := 0
	for i, m := range positions {
		kind, was := everyPlace[m[2]:m[3]], everyPlace[m[4]:m[5]]
		for _, fault := range faultsOf[strings.ToLower(kind)] {
			for _, s := range styles {
				if !s.flow && kind == strings.ToLower(kind) || kind == "N" && was == "base" {
					continue // a name can be any text
				}
				line := everyPlace[strings.LastIndex(everyPlace[:m[0]], "\n")+1 : m[0]]
				indent := strings.Repeat(" ", len(line)-len(strings.TrimLeft(line, " "))+4)
				scalar, at, ok := s.write([]rune(fault.text), indent)
				if !ok {
					continue
				}
				src, begin := fill(positions, i, scalar)
				want := diag.Range{Start: begin}
				if fault.to > 0 {
					want.Start, want.End = place(begin, at[fault.from]), place(begin, at[fault.to])
				}
				if i%2 == 1 { // line ends of either kind
					src = strings.ReplaceAll(src, "\n", "\r\n")
				}
				_, list := spec.Parse("s.yaml", []byte(src), spec.Options{})
				found := false
				for _, d := range list.Items {
					found = found || d.Range.Start == want.Start && (fault.to == 0 || d.Range.End == want.End)
				}
				require.True(t, found, "%s as %s: something was expected at %s to %s\n%s\n%s", was, s.name, want.Start, want.End, scalar, list.Text())
				tried++
			}
		}
	}
	require.Greater(t, tried, 1000, "positions, styles and faults")
}

// fill puts a scalar into a place of everyPlace, and gives where it begins.
func fill(positions [][]int, i int, scalar string) (src string, begin diag.Pos) {
	var b strings.Builder
	last := 0
	for j, m := range positions {
		b.WriteString(everyPlace[last:m[0]])
		last = m[1]
		text := everyPlace[m[4]:m[5]]
		switch kind := everyPlace[m[2]:m[3]]; {
		case j == i:
			s := b.String()
			begin = diag.Pos{Line: strings.Count(s, "\n") + 1, Col: len([]rune(s[strings.LastIndex(s, "\n")+1:])) + 1}
			b.WriteString(scalar)
		case strings.EqualFold(kind, "s"):
			b.WriteString(text)
		default:
			b.WriteString(`"` + text + `"`)
		}
	}
	b.WriteString(everyPlace[last:])
	return b.String(), begin
}

// place is a position relative to a scalar's beginning as one in the file.
func place(begin, at diag.Pos) diag.Pos {
	if at.Line == 0 {
		return diag.Pos{Line: begin.Line, Col: begin.Col + at.Col}
	}
	return diag.Pos{Line: begin.Line + at.Line, Col: 1 + at.Col}
}
