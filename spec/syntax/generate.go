package syntax

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec/syntax/tree"
)

// RepeatIndex is what the arguments of a repeated call see of the repetition: its number,
// unless something else has that name.
const RepeatIndex = "index"

// BuiltIn are the compile-time names that every body sees, and when they are true.
var BuiltIn = map[string]string{
	"training":   "true during training",
	"generating": "true where text is generated step by step",
}

// Generate is the generate section: which input takes the tokens, which output has the
// logits of the next one, and what flowrun generate does unless it is told otherwise.
type Generate struct {
	At                diag.Range
	Input, Logits     string // names of the model's; "" if that was reported
	InputAt, LogitsAt diag.Range
	DataSource        *DataSource // whose vocabulary the tokens have; nil if there is none
	DataAt            diag.Range
	Context           int // tokens that the model sees; 0 if that was reported
	ContextAt         diag.Range
	MaxTokens, TopK   int64 // TopK 0: all tokens
	Temperature, TopP float64
	Stop              []string
}

// GenerateSection has the keys of generate.
var GenerateSection = &Section{name: "generate", Doc: "How to generate text with the model. The flags of `flowrun generate` take precedence.", Keys: []Key{
	{Name: "input", Value: "name", doc: "the model's input that takes the tokens, [batch, time]", more: "by default its only one"},
	{Name: "logits", Value: "name", doc: "the model's output that has the logits of the next token at each position, [batch, time, tokens]", more: "by default its only one"},
	{Name: "data", Value: "name", doc: "the data source whose field of the input's name has the vocabulary", more: "by default the training's"},
	{Name: "context", Value: "data count", doc: "the number of tokens that the model sees, at most", Required: true},
	{Name: "max_tokens", Value: "count", doc: "the maximum number of tokens of an answer", Default: "256"},
	{Name: "temperature", Value: "delta", doc: "what logits are divided by; 0 takes the most likely token", Default: "1"},
	{Name: "top_k", Value: "any length", doc: "only so many of the most likely tokens can be drawn; 0: all", Default: "0"},
	{Name: "top_p", Value: "probability", doc: "only the most likely tokens that together have this probability can be drawn", Default: "1"},
	{Name: "stop", Value: "texts", doc: "texts that end an answer, and aren't part of it"},
}}

// generation decodes the generate section; nil if it is no mapping.
func (d *decoder) generation(n *tree.Node) *Generate {
	fields, ok := d.fields(n, GenerateSection)
	if !ok {
		return nil
	}
	g := &Generate{At: keyRange(n), MaxTokens: 256, Temperature: 1, TopP: 1}
	if c := fields["context"]; c != nil {
		v, _ := d.count(c, "context", 1)
		if v > math.MaxInt32 {
			d.report(diag.InvalidValue, c.Range, "", "context must be at most %d, got %d", math.MaxInt32, v)
			v = 0
		}
		g.Context, g.ContextAt = int(v), c.Range
	}
	d.tokensOf(g, fields)
	if m := fields["max_tokens"]; m != nil {
		g.MaxTokens = d.positive(m, "max_tokens")
	}
	if k := fields["top_k"]; k != nil {
		g.TopK, _ = d.atLeast(k, "top_k", 0)
	}
	if t := fields["temperature"]; t != nil {
		v, ok := d.float(t, "temperature")
		if g.Temperature = v; ok && (!(v >= 0) || math.IsInf(v, 0)) {
			d.report(diag.InvalidValue, t.Range, "", "temperature must be finite and at least 0, got %v", v)
		}
	}
	if p := fields["top_p"]; p != nil {
		v, ok := d.float(p, "top_p")
		if g.TopP = v; ok && !(v > 0 && v <= 1) {
			d.report(diag.InvalidValue, p.Range, "", "top_p must be above 0 and at most 1, got %v", v)
		}
	}
	if s := fields["stop"]; s != nil {
		g.Stop, _ = d.texts(s, "stop")
		if slices.Contains(g.Stop, "") {
			d.report(diag.InvalidValue, s.Range, "leave stop out, to stop at max_tokens alone", "an empty text would stop every answer before it begins")
		}
	}
	return g
}

// tokensOf decodes what the tokens are: an input, an output, a data source.
func (d *decoder) tokensOf(g *Generate, fields map[string]*tree.Node) {
	var inputs, outputs []string
	open := true
	if m := d.spec.Model; m != nil {
		for _, in := range m.Inputs {
			inputs = append(inputs, in.Name)
		}
		for _, o := range m.Outputs {
			outputs = append(outputs, o.Name)
		}
		open = m.Open
	}
	one := func(key, what string, of []string, at *diag.Range) string {
		n := fields[key]
		if *at = g.At; n == nil {
			switch {
			case len(of) == 1:
				return of[0]
			case !open:
				d.report(diag.MissingKey, g.At, cmp.Or(ThereIs(of), "give the model one"), "generate requires the key `%s`, as the model has %s", key, diag.Count(len(of), what))
			}
			return ""
		}
		*at = n.Range
		name, ok := d.word(n, key)
		if ok && !slices.Contains(of, name) {
			if !open {
				d.report(diag.UnknownName, n.Range, cmp.Or(Suggestion(d.list, name, of), ThereIs(of)), "the model has no %s %s", what, Quoted(name))
			}
			return ""
		}
		return name
	}
	g.Input = one("input", "input", inputs, &g.InputAt)
	g.Logits = one("logits", "output", outputs, &g.LogitsAt)
	g.DataAt = g.At
	switch n := fields["data"]; {
	case n != nil:
		g.DataAt = n.Range
		if strings.Contains(n.Text, ".") && n.Kind == tree.String {
			d.report(diag.InvalidValue, n.Range, "write the name of the data source alone", "a vocabulary belongs to all parts of a data source")
			return
		}
		g.DataSource, _ = d.dataSource(n)
	case d.spec.Train != nil:
		g.DataSource = d.spec.Train.DataSource
	case len(d.spec.DataSources) == 1:
		g.DataSource = d.spec.DataSources[0]
		g.DataSource.Used = true
	}
}
