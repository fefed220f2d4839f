package weights_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/weights"
)

// typ reads a type: f32[2, 3].
func typ(text string) ir.Type {
	name, dims, _ := strings.Cut(strings.TrimSuffix(text, "]"), "[")
	d, _ := ir.ParseDType(name) // Invalid for those of other programs
	t := ir.Type{DType: d, Shape: ir.Shape{}}
	for _, dim := range strings.FieldsFunc(dims, func(r rune) bool { return r == ',' || r == ' ' }) {
		var n int
		fmt.Sscan(dim, &n)
		t.Shape = append(t.Shape, n)
	}
	return t
}

// params reads "NAME TYPE; NAME TYPE"; a ? before a name makes it optional.
func params(text string) (list []weights.Param) {
	for _, p := range split(text) {
		name, t, _ := strings.Cut(p, " ")
		optional := strings.HasPrefix(name, "?")
		list = append(list, weights.Param{Name: strings.TrimPrefix(name, "?"), Type: typ(t), Optional: optional})
	}
	return list
}

// entries reads "NAME TYPE; NAME TYPE"; a ! before a name says that it is beside the
// weights.
func entries(text string) (list []weights.Entry) {
	for _, e := range split(text) {
		name, t, _ := strings.Cut(e, " ")
		dtype, _, _ := strings.Cut(t, "[")
		beside := strings.HasPrefix(name, "!")
		list = append(list, weights.Entry{Name: strings.TrimPrefix(name, "!"), DType: strings.ToUpper(dtype), Type: typ(t), Beside: beside})
	}
	return list
}

func split(text string) (parts []string) {
	for _, p := range strings.Split(text, ";") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}

// told is a report as a text: what is taken, and the rest.
func told(r *weights.Report) string {
	var parts []string
	for _, t := range r.Taken {
		text := t.Param
		if t.Tensor != t.Param {
			text += "<" + t.Tensor
		}
		if t.From != t.To {
			text += fmt.Sprintf("(%s→%s)", t.From, t.To)
		}
		parts = append(parts, text)
	}
	text := strings.Join(parts, " ")
	for _, list := range []struct {
		what  string
		names []string
	}{{"kept", r.Kept}, {"left", r.Left}, {"ignored", r.Ignored}, {"idle", r.Idle}} {
		if len(list.names) > 0 {
			text += fmt.Sprintf("; %s %s", list.what, strings.Join(list.names, " "))
		}
	}
	return text
}

const (
	model = "h.0.weight f32[2,3]; h.0.bias f32[2]; head.weight f32[4,2]"
	names = "h.0.weight f32[2,3]; h.0.bias f32[2]; head.weight f32[4,2]"
)

func renamed(pairs ...string) (list []weights.Rename) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, weights.Rename{From: pairs[i], To: strings.Fields(pairs[i+1])})
	}
	return list
}

func TestARuleTakesWhatItSays(t *testing.T) {
	for name, c := range map[string]struct {
		rule          weights.Rule
		model, tensor string
		want          string
	}{
		"strict": {model: model, tensor: names, want: "h.0.bias h.0.weight head.weight"},
		"a parameter of another part of the program may be missing": {model: "a f32[1]; ?loss.t f32[]", tensor: "a f32[1]", want: "a; kept loss.t"},
		"and may be there": {model: "a f32[1]; ?loss.t f32[]", tensor: "a f32[1]; loss.t f32[]", want: "a loss.t"},
		"what a checkpoint keeps beside its weights isn't asked": {model: "a f32[1]", tensor: "a f32[1]; !optimizer.m.a f32[1]; !step i64[]", want: "a"},
		"but a rename takes it": {rule: weights.Rule{Rename: renamed("optimizer.ema.*", "*"), Ignore: []string{"a"}},
			model: "a f32[1]", tensor: "a f32[1]; !optimizer.ema.a f32[1]; !step i64[]", want: "a<optimizer.ema.a; ignored a"},
		"a parameter that is called like a state": {model: "step f32[1]", tensor: "!step f32[1]", want: "step"},

		"partial": {rule: weights.Rule{Partial: true}, model: model, tensor: "h.0.weight f32[2,3]; other f32[1]", want: "h.0.weight; kept h.0.bias head.weight; left other"},
		"match": {rule: weights.Rule{Match: []string{"h[0].*"}}, model: model, tensor: names + "; other f32[1]",
			want: "h.0.bias h.0.weight; kept head.weight; left head.weight other"},
		"what isn't taken may have any shape": {rule: weights.Rule{Match: []string{"h.*"}}, model: model, tensor: "h.0.weight f32[2,3]; h.0.bias f32[2]; head.weight f8_e4m3[9]",
			want: "h.0.bias h.0.weight; kept head.weight; left head.weight"},
		"ignore": {rule: weights.Rule{Ignore: []string{"*.num_batches_tracked", "x"}}, model: "bn.mean f32[2]", tensor: "bn.mean f32[2]; bn.num_batches_tracked i64[]; x f32[1]",
			want: "bn.mean; ignored bn.num_batches_tracked x"},
		"a pattern of ignore that fits nothing is told": {rule: weights.Rule{Ignore: []string{"*.num_batches_tracked"}}, model: "a f32[1]", tensor: "a f32[1]", want: "a; idle *.num_batches_tracked"},
		"what is ignored keeps its initial value":       {rule: weights.Rule{Ignore: []string{"head.*"}, Partial: true}, model: model, tensor: names, want: "h.0.bias h.0.weight; kept head.weight; ignored head.weight"},

		"rename":                 {rule: weights.Rule{Rename: renamed("0.w", "h[0].weight")}, model: "h.0.weight f32[2]", tensor: "0.w f32[2]", want: "h.0.weight<0.w"},
		"brackets in the file":   {rule: weights.Rule{Rename: renamed("h[*].w", "h.*.weight")}, model: "h.0.weight f32[2]", tensor: "h[0].w f32[2]", want: "h.0.weight<h[0].w"},
		"brackets in the spec":   {rule: weights.Rule{Rename: renamed("h[0].w", "h[0].weight")}, model: "h.0.weight f32[2]", tensor: "h.0.w f32[2]", want: "h.0.weight<h.0.w"},
		"stars keep their texts": {rule: weights.Rule{Rename: renamed("transformer.h.*.ln_1.*", "h.*.norm1.*")}, model: "h.10.norm1.weight f32[2]; h.2.norm1.bias f32[2]", tensor: "transformer.h.10.ln_1.weight f32[2]; transformer.h.2.ln_1.bias f32[2]", want: "h.10.norm1.weight<transformer.h.10.ln_1.weight h.2.norm1.bias<transformer.h.2.ln_1.bias"},
		"a star is as short as possible": {rule: weights.Rule{Rename: renamed("*.a.*", "*.b.*")}, model: "x.b.a.y f32[2]", tensor: "x.a.a.y f32[2]",
			want: "x.b.a.y<x.a.a.y"},
		"the last star ends with the name": {rule: weights.Rule{Rename: renamed("*.w", "*.weight")}, model: "w.w.weight f32[2]", tensor: "w.w.w f32[2]", want: "w.w.weight<w.w.w"},
		"a star of nothing":                {rule: weights.Rule{Rename: renamed("a*", "b*")}, model: "b f32[2]", tensor: "a f32[2]", want: "b<a"},
		"a swap":                           {rule: weights.Rule{Rename: renamed("a", "b", "b", "a")}, model: "a f32[2]; b f32[2]", tensor: "a f32[2]; b f32[2]", want: "a<b b<a"},
		"a cycle of three":                 {rule: weights.Rule{Rename: renamed("a", "b", "b", "c", "c", "a")}, model: "a f32[2]; b f32[2]; c f32[2]", tensor: "a f32[2]; b f32[2]; c f32[2]", want: "a<c b<a c<b"},
		"tied weights, from one":           {rule: weights.Rule{Rename: renamed("tok.weight", "tok.weight head.weight")}, model: "tok.weight f32[9,2]; head.weight f32[9,2]", tensor: "tok.weight f32[9,2]", want: "head.weight<tok.weight tok.weight"},
		"a prefix less":                    {rule: weights.Rule{Rename: renamed("module.*", "*")}, model: "a f32[2]", tensor: "module.a f32[2]", want: "a<module.a"},
		"a prefix more":                    {rule: weights.Rule{Rename: renamed("*", "net.*")}, model: "net.a.b f32[2]", tensor: "a.b f32[2]", want: "net.a.b<a.b"},

		"wider dtypes": {model: "a f32[1]; b f64[1]; c f32[1]; d i64[]; e i32[]; f f64[0]", tensor: "a f16[1]; b f32[1]; c bf16[1]; d u8[]; e u8[]; f bf16[0]",
			want: "a(f16→f32) b(f32→f64) c(bf16→f32) d(u8→i64) e(u8→i32) f(bf16→f64)"},
		"scalars and nothing":                    {model: "a f32[]; b f32[0,3]; c bool[2]", tensor: "a f32[]; b f32[0,3]; c bool[2]", want: "a b c"},
		"an unsupported dtype that isn't needed": {rule: weights.Rule{Partial: true}, model: "a f32[1]", tensor: "a f32[1]; q f8_e4m3[2]", want: "a; left q"},
		"a model without parameters":             {model: "", tensor: "", want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := weights.Assign(c.rule, params(c.model), entries(c.tensor))
			require.NoError(t, err)
			require.Equal(t, c.want, told(r))
		})
	}
}

func TestTheFirstRenameThatFitsIsUsed(t *testing.T) {
	model, tensors := params("b.x f32[2]; d.y f32[2]; e f32[2]"), entries("a.x f32[2]; d.x f32[2]; e f32[2]")
	r, err := weights.Assign(weights.Rule{Rename: renamed("a.*", "b.*", "*.x", "*.y")}, model, tensors)
	require.NoError(t, err)
	require.Equal(t, "b.x<a.x d.y<d.x e", told(r))
	_, err = weights.Assign(weights.Rule{Rename: renamed("a.*", "b.*", "*.x", "*.y", "a.x", "e")}, model, tensors)
	require.EqualError(t, err, `rename: all tensors that "a.x" fits are renamed by lines above it`)
}

func TestNamesInAFileMayHaveAnyCharacters(t *testing.T) {
	for _, name := range []string{"a b/ü\"[x", "", " ", "a\nb", "日本", "[", "]", "a]b[", "\u202e"} {
		tensors := []weights.Entry{{Name: name, DType: "F32", Type: typ("f32[2]")}}
		_, err := weights.Assign(weights.Rule{}, params("w f32[2]"), tensors)
		require.ErrorContains(t, err, "is no parameter of the model")
		require.NotContains(t, err.Error(), "\n")
		r, err := weights.Assign(weights.Rule{Rename: renamed("*", "w")}, params("w f32[2]"), tensors)
		require.NoError(t, err)
		require.Equal(t, "w<"+name, told(r))
		if name != "" {
			_, err = weights.Assign(weights.Rule{Rename: []weights.Rename{{From: name, To: []string{"w"}}}}, params("w f32[2]"), tensors)
			require.NoError(t, err)
		}
	}
}

func TestWhatDoesNotFitIsAnError(t *testing.T) {
	partial := weights.Rule{Partial: true}
	for name, c := range map[string]struct {
		rule          weights.Rule
		model, tensor string
		want          string
	}{
		"missing": {model: model, tensor: "h.0.weight f32[2,3]; head.weight f32[4,2]", want: "h.0.bias (f32[2]) is missing"},
		"extra":   {model: "a f32[1]", tensor: "a f32[1]; b f16[2]", want: "b (f16[2]) is no parameter of the model"},
		"PyTorch's counters": {model: "bn.mean f32[2]", tensor: "bn.mean f32[2]; bn.num_batches_tracked i64[]",
			want: `bn.num_batches_tracked (i64[]) is no parameter of the model; PyTorch's counters of batches aren't needed: write ignore: "*num_batches_tracked"`},
		"another shape": {model: "a f32[2,3]", tensor: "a f32[2,4]", want: "a is f32[2, 4] in the file and f32[2, 3] in the model"},
		"another shape, also if partial": {rule: partial, model: "a f32[2,3]; b f32[1]", tensor: "a f32[2,4]; b f32[1]",
			want: "a is f32[2, 4] in the file and f32[2, 3] in the model"},
		"another rank":             {rule: partial, model: "a f32[2]", tensor: "a f32[2,1]", want: "a is f32[2, 1] in the file and f32[2] in the model"},
		"a scalar":                 {model: "a f32[1]", tensor: "a f32[]", want: "a is f32[] in the file and f32[1] in the model"},
		"transposed":               {rule: partial, model: "a f32[2,3]", tensor: "a f32[3,2]", want: "a is f32[3, 2] in the file and f32[2, 3] in the model, which is its transpose"},
		"transposed, and a kernel": {model: "a f32[8,3,5,5]", tensor: "a f32[5,5,3,8]", want: "which is its transpose"},
		"renamed, another shape":   {rule: weights.Rule{Rename: renamed("x", "a")}, model: "a f32[2]", tensor: "x f32[3]", want: "x (for a) is f32[3] in the file and f32[2] in the model"},
		"narrower":                 {model: "a f16[2]", tensor: "a f32[2]", want: "a is f32[2] in the file and f16[2] in the model, which would round it: declare it f32, or convert the file"},
		"one half as the other":    {model: "a bf16[2]", tensor: "a f16[2]", want: "which would round it"},
		"ints as floats":           {model: "a f32[2]", tensor: "a u8[2]", want: "numbers of one kind aren't taken as the other"},
		"floats as ints":           {model: "a i32[2]", tensor: "a f32[2]", want: "numbers of one kind aren't taken as the other"},
		"an unsupported dtype":     {model: "a f32[2]", tensor: "a f8_e4m3[2]", want: "a is F8_E4M3[2] in the file and f32[2] in the model: flowrun has no F8_E4M3"},

		"partial takes nothing":    {rule: partial, model: "a f32[1]", tensor: "b f32[2]", want: "nothing is taken: the model has a, the file b"},
		"an empty file":            {rule: partial, model: "a f32[1]", tensor: "", want: "nothing is taken: the model has a, the file none"},
		"an empty file, strict":    {model: "a f32[1]", tensor: "", want: "a (f32[1]) is missing"},
		"no model":                 {rule: partial, model: "", tensor: "b f32[2]", want: "nothing is taken: the model has none, the file b"},
		"partial and match":        {rule: weights.Rule{Partial: true, Match: []string{"head.*"}}, model: model, tensor: "h.0.weight f32[2,3]", want: "nothing is taken"},
		"match without the tensor": {rule: weights.Rule{Match: []string{"head.*"}}, model: model, tensor: "h.0.weight f32[2,3]", want: "head.weight (f32[4, 2]) is missing"},
		"match fits nothing":       {rule: weights.Rule{Match: []string{"h.*", "hed.*"}}, model: model, tensor: names, want: `match: the model has no parameter "hed.*"; it has h.0.weight, h.0.bias, head.weight`},
		"match, also if partial":   {rule: weights.Rule{Partial: true, Match: []string{"hed.*", "h.*"}}, model: model, tensor: names, want: `match: the model has no parameter "hed.*"`},
		"all is ignored":           {rule: weights.Rule{Partial: true, Ignore: []string{"*"}}, model: model, tensor: names, want: "nothing is taken"},
		"a name to ignore":         {rule: weights.Rule{Ignore: []string{"b"}}, model: "a f32[1]", tensor: "a f32[1]", want: `ignore: the file has no tensor "b"`},

		"rename fits nothing": {rule: weights.Rule{Rename: renamed("x.*", "a.*")}, model: "a f32[1]", tensor: "a f32[1]", want: `rename: the file has no tensor that "x.*" fits; it has a`},
		"also if partial":     {rule: weights.Rule{Partial: true, Rename: renamed("x", "a")}, model: "a f32[1]", tensor: "a f32[1]", want: `rename: the file has no tensor "x"`},
		"rename to nothing":   {rule: weights.Rule{Partial: true, Rename: renamed("x", "b")}, model: "a f32[1]", tensor: "a f32[1]; x f32[1]", want: `rename: the model has no parameter "b"`},
		"rename to nothing, by a pattern": {rule: weights.Rule{Partial: true, Rename: renamed("x.*", "b.*")}, model: "a f32[1]", tensor: "a f32[1]; x.w f32[1]",
			want: `rename: "x.*" fits tensors, but the model has none of the parameters that "b.*" gives, such as "b.w"`},
		"rename to a misspelled twin": {rule: weights.Rule{Partial: true, Rename: renamed("tok.weight", "tok.weight haed.weight")}, model: "tok.weight f32[9,2]; head.weight f32[9,2]", tensor: "tok.weight f32[9,2]",
			want: `rename: the model has no parameter "haed.weight"; did you mean "head.weight"?`},
		"rename of one of two patterns": {rule: weights.Rule{Partial: true, Rename: renamed("x.*", "a.* b.*")}, model: "a.w f32[1]", tensor: "x.w f32[1]",
			want: `but the model has none of the parameters that "b.*" gives, such as "b.w"`},
		"a misspelled tensor": {rule: weights.Rule{Partial: true, Rename: renamed("tok.wieght", "head")}, model: "head f32[1]", tensor: "tok.weight f32[1]",
			want: `rename: the file has no tensor "tok.wieght"; did you mean "tok.weight"?`},
		"a misspelled one to ignore": {rule: weights.Rule{Ignore: []string{"haed"}}, model: "a f32[1]", tensor: "a f32[1]; head f32[1]",
			want: `ignore: the file has no tensor "haed"; did you mean "head"?`},
		"match of what the file lacks": {rule: weights.Rule{Partial: true, Match: []string{"b"}}, model: "a f32[1]; b f32[1]", tensor: "a f32[1]", want: "nothing is taken: match asks for b, the file a"},
		"what is ignored is in the file": {rule: weights.Rule{Partial: true, Ignore: []string{"a"}}, model: "a f32[1]", tensor: "a f32[1]",
			want: "nothing is taken: the model has a, the file a, and what ignore fits is left out"},
		"what a checkpoint has besides isn't spoken of": {rule: partial, model: "b f32[1]", tensor: "a f32[1]; !step i64[]", want: "nothing is taken: the model has b, the file a"},
		"rename of what is ignored":                     {rule: weights.Rule{Ignore: []string{"x"}, Rename: renamed("x", "a")}, model: "a f32[1]", tensor: "a f32[1]; x f32[1]", want: `rename: the tensor "x" is also in ignore`},
		"two renames to one":                            {rule: weights.Rule{Rename: renamed("x", "a", "y", "a")}, model: "a f32[1]", tensor: "x f32[1]; y f32[1]", want: `two tensors are for a: "x" and "y"`},
		"two by one pattern":                            {rule: weights.Rule{Rename: renamed("*", "a")}, model: "a f32[1]", tensor: "x f32[1]; y f32[1]", want: `two tensors are for a: "x" and "y"`},
		"a rename onto a tensor":                        {rule: weights.Rule{Rename: renamed("x", "a")}, model: "a f32[1]", tensor: "a f32[1]; x f32[1]", want: `two tensors are for a: "a" and "x"`},
		"stars that don't go":                           {rule: weights.Rule{Rename: renamed("x.*", "*.*")}, model: "a f32[1]", tensor: "x f32[1]", want: `rename "x.*": "*.*" has 2 stars and "x.*" 1 star: both must have the same number`},
		"an empty name":                                 {rule: weights.Rule{Match: []string{""}}, model: "a f32[1]", tensor: "a f32[1]", want: "match has an empty pattern"},
		"an empty field":                                {rule: weights.Rule{Forget: []string{""}}, model: "a f32[1]", tensor: "a f32[1]", want: "forget has an empty pattern"},

		"a prefix of the file": {model: "a.w f32[1]; b f32[2]", tensor: "module.net.a.w f32[1]; module.net.b f32[2]", want: `2 tensors fit with rename: {"module.net.*": "*"}`},
		"a prefix of the model": {rule: partial, model: "net.a.w f32[1]; net.b f32[2]", tensor: "a.w f32[1]; b f32[2]",
			want: `nothing is taken: the model has net.a.w, net.b, the file a.w, b; 2 tensors fit with rename: {"*": "net.*"}`},
		"a tied head that the file lacks": {model: "tok.weight f32[9,2]; pos.weight f32[4,2]; head.weight f32[9,2]", tensor: "tok.weight f32[9,2]; pos.weight f32[4,2]",
			want: `head.weight (f32[9, 2]) is missing; head.weight has the type of tok.weight: if they are tied, write rename: {"tok.weight": [tok.weight, head.weight]}, or --weights-rename tok.weight=tok.weight --weights-rename tok.weight=head.weight`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := weights.Assign(c.rule, params(c.model), entries(c.tensor))
			require.ErrorContains(t, err, c.want)
		})
	}
}

// What a wrong rename leaves without a tensor, or without a parameter, is no fault of its own.
func TestOfAWrongRuleThatAloneIsTold(t *testing.T) {
	model := "a f32[2,2]; b f32[2,2]"
	_, err := weights.Assign(weights.Rule{Rename: renamed("a", "zz")}, params(model), entries(model))
	require.EqualError(t, err, `rename: the model has no parameter "zz"`)
}

// In a plain MLP every layer has the type of every other: nothing says that two are tied.
func TestLayersOfOneTypeArentTakenForTiedOnes(t *testing.T) {
	_, err := weights.Assign(weights.Rule{}, params("h.0.w f32[2,2]; h.1.w f32[2,2]; h.2.w f32[2,2]"), entries("h.0.w f32[2,2]; h.1.w f32[2,2]"))
	require.EqualError(t, err, "h.2.w (f32[2, 2]) is missing")
}

func TestALongListOfFaultsIsShort(t *testing.T) {
	_, err := weights.Assign(weights.Rule{}, params("a f32[1]"), entries(strings.Repeat("x", 5000)+" f32[1]"))
	require.Error(t, err)
	require.Less(t, len(err.Error()), 500)
	var many []weights.Entry
	for i := range 1000 {
		many = append(many, entries(fmt.Sprint("t", i, " f32[1]"))...)
	}
	_, err = weights.Assign(weights.Rule{}, params("a f32[1]"), many)
	require.ErrorContains(t, err, "and 995 more")
}

// Looking at pairs of names would take hours.
func TestManyTensorsAndRenamesAreLookedUp(t *testing.T) {
	var ps []weights.Param
	var es []weights.Entry
	rule := weights.Rule{Ignore: []string{"*.num_batches_tracked"}}
	for i := range 100_000 {
		ps = append(ps, weights.Param{Name: fmt.Sprint("h.", i, ".weight"), Type: typ("f32[2]")})
		es = append(es, weights.Entry{Name: fmt.Sprint("layer.", i, ".w"), DType: "F32", Type: typ("f32[2]")})
		rule.Rename = append(rule.Rename, weights.Rename{From: es[i].Name, To: []string{ps[i].Name}})
	}
	r, err := weights.Assign(rule, ps, es)
	require.NoError(t, err)
	require.Len(t, r.Taken, 100_000)
	_, err = weights.Assign(weights.Rule{}, ps, es)
	require.ErrorContains(t, err, "199994 more")
}

func TestAReportIsToldInAFewLines(t *testing.T) {
	r, err := weights.Assign(weights.Rule{Partial: true, Ignore: []string{"bn.*", "none.*"}},
		params("a f32[1]; b f64[2]; c f32[3]; d f32[]"), entries("a f16[1]; b f32[2]; x f32[1]; y f32[1]; bn.n i64[]"))
	require.NoError(t, err)
	r.File = "base.safetensors"
	require.Equal(t, []string{
		"weights: 2 of 4 parameters from base.safetensors; c, d keep their initial values",
		"weights: 2 tensors of the file are left: x, y; 1 tensor is ignored: bn.n; the file has nothing to ignore for none.*",
		"weights: 1 tensor is f16 in the file and f32 here, which is exact: a; 1 tensor is f32 in the file and f64 here, which is exact: b",
	}, r.Lines())

	r, err = weights.Assign(weights.Rule{}, params("a f32[1]"), entries("a f32[1]"))
	require.NoError(t, err)
	r.File = "base.safetensors"
	require.Equal(t, []string{"weights: 1 of 1 parameter from base.safetensors"}, r.Lines())
}
