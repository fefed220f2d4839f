package spec_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/spec"
)

// What people bring from PyTorch, Keras, Lightning, Hugging Face's and CI files:
// one fault each, put into a spec that is accepted.

const brought = `flowrun: 1
name: base
vars: {lr: 0.1, hidden: 16}
data:
  points:
    generate:
      x: uniform(-1, 1, [32, 8])
      target: uniform(-1, 1, [32, 1])
model:
  inputs: {x: "f32[32, 8]"}
  nodes:
    h: {Linear: x, out_features: hidden}
    a: silu(h)
    y: {Linear: a, out_features: 1}
  outputs: [y]
train:
  data: points
  loss: mse_loss(y, target)
  optimizer: {SGD: {lr: lr}}
  metrics:
    loss: ema(loss, 0.99)
  max_steps: 100
`

// fault is a change to the spec above.
type fault struct {
	old, new string
	at       string // what is found, and where: nothing else may be
	obeyed   bool   // help says what to write, and that is accepted
}

func findings(t *testing.T, src string) (found []string, text string) {
	t.Helper()
	_, list := spec.Parse("s.yaml", []byte(src), spec.Options{})
	for _, d := range list.Items {
		found = append(found, fmt.Sprintf("%s@%s", d.Rule, d.Range.Start))
	}
	return found, list.Text()
}

func (f fault) check(t *testing.T) {
	t.Helper()
	require.Contains(t, brought, f.old)
	src := strings.Replace(brought, f.old, f.new, 1)
	found, text := findings(t, src)
	require.Equal(t, []string{f.at}, found, text)
	if !f.obeyed {
		return
	}
	_, list := spec.Parse("s.yaml", []byte(src), spec.Options{})
	best, ok, says := obey("s.yaml", src, list.Items[0], spec.Options{})
	require.True(t, says && ok && errors(best.list) == 0, "help isn't accepted:\n%s%s", text, best.list.Text())
}

func TestOneFaultIsOneFindingAtItsPosition(t *testing.T) {
	_, text := findings(t, brought)
	require.Empty(t, text)
	for _, f := range []fault{
		// dtypes of inputs that data bind
		{`"f32[32, 8]"`, `"float32[32, 8]"`, "invalid-value@10:16", true},
		{`"f32[32, 8]"`, `"torch.float32[32, 8]"`, "invalid-value@10:16", true},
		{`"f32[32, 8]"`, `"uint8[32, 8]"`, "invalid-value@10:16", false},
		// merge keys, with what they merge
		{"name: base", ".base: &b {max_steps: 3}\nname: base\nplacement:\n  <<: *b", "merge-key@5:3", false},
		{"  max_steps: 100", "  <<: {max_steps: 3}", "merge-key@22:3", false},
		{"{SGD: {lr: lr}}", "{<<: {SGD: {lr: lr}}}", "merge-key@19:15", false},
		{"y: {Linear: a, ", "y: {<<: {Linear: a}, ", "merge-key@14:9", false},
		// what isn't indented
		{"    loss: ema", "  loss: ema", "duplicate-key@21:3", false},
		{"    loss: ema(loss, 0.99)\n", "  mae: mean(abs(y - target))\n  acc: mean(y)\n", "unknown-key@21:3", false},
		{"    loss: ema(loss, 0.99)\n  max_steps: 100", "  loss: ema(loss, 0.99)\n  acc: mean(y)\n  max_steps: 100", "duplicate-key@21:3", false},
		{"    loss: ema(loss, 0.99)\n", "  loss: ema(loss, 0.99)\n  data: mean(y)\n", "duplicate-key@21:3", false},
		{"    a: silu(h)", "    h-1: silu(h)\n    a: h-10 + h", "invalid-name@13:5", false}, // h-10 is a difference
		// aliases of what was refused
		{"h: {Linear: x, out_features: hidden}\n    a: silu(h)", "h: &n !mine {Linear: x, out_features: hidden}\n    a: *n", "yaml-tag@12:8", false},
		{"{Linear: x, out_features: hidden}", "&n {Linear: *n, out_features: hidden}", "alias-cycle@12:20", false},
		{"{SGD: {lr: lr}}", "{SGD: {lr: !env LR}}", "yaml-tag@19:25", false},
		// names of other libraries
		{"silu(h)", "slu(h)", "unknown-function@13:8", true},
		{"silu(h)", "svd(h)", "unknown-function@13:8", false},
		{"silu(h)", "F.silu(h)", "foreign-syntax@13:8", true},
		{"silu(h)", "torch.nn.functional.relu(h)", "foreign-syntax@13:8", true},
		{"silu(h)", "nn.ReLU()(h)", "foreign-syntax@13:17", true},
		{"silu(h)", "h.reshape(32, 16)", "foreign-syntax@13:8", true},
		{"silu(h)", "h.relu6()", "foreign-syntax@13:8", true},
		{"silu(h)", "h.mean(-1, keepdims=True).to(torch.float32)", "foreign-syntax@13:8", true},
		{"silu(h)", "torch.cat((h, h), axis=1)", "foreign-syntax@13:18", true},
		{"silu(h)", "reshape(h, 32, 16)", "invalid-argument@13:19", true},
		{"silu(h)", "permute(h, 0, 1)", "invalid-argument@13:19", true},
		{"silu(h)", "concat(h, h, dim=1)", "invalid-argument@13:15", true},
		{"silu(h)", "concat(h, h, 1)", "invalid-argument@13:15", true},
		{"silu(h)", "h * zeros(32, 16)", "invalid-argument@13:18", true},
		{"silu(h)", "h * ones(16)", "invalid-argument@13:17", true},
		{"silu(h)", "{concat: [h, h], dim: 1}", "invalid-argument@13:18", false},
		{"mse_loss(y, target)", "MeanSquaredError(y, target)", "unknown-function@18:9", true},
		{"mse_loss(y, target)", "tf.keras.losses.mean_squared_error(y, target)", "foreign-syntax@18:9", true},
		{"{Linear: x, out_features: hidden}", "{Dense: x, out_features: hidden}", "unknown-function@12:9", true},
		{"out_features: hidden", "units: hidden", "unknown-argument@12:20", true},
		{"  max_steps: 100", "  max_steps: 100\n  batch_size: 32", "unknown-key@23:3", false},
		{"  max_steps: 100", "  iterations: 100", "unknown-key@22:3", true},
		{"{SGD: {lr: lr}}", "{SGD: {learning_rate: lr}}", "unknown-argument@19:21", true},
		{"{SGD: {lr: lr}}", "{sgd: {lr: lr}}", "unknown-function@19:15", true},
		// numbers
		{"max_steps: 100", "max_steps: 1,000", "wrong-type@22:14", true},
		{"max_steps: 100", "max_steps: １００", "wrong-type@22:14", true},
		{"max_steps: 100", "max_steps: 1\u202f000", "wrong-type@22:14", true},
	} {
		t.Run(f.new, func(t *testing.T) { f.check(t) })
	}
}

func TestAVarOfTheWrongKindIsReportedOnceAtItsValue(t *testing.T) {
	for value, obeyed := range map[string]bool{`"16"`: true, "16.0": true, "1,024": true, "[16]": true, "16,": true, "16.5": false, "true": false, "sixteen": false, "32 * 2": false} {
		fault{"{lr: 0.1, hidden: 16}", "\n  lr: 0.1\n  hidden: " + value, "invalid-argument@5:11", obeyed}.check(t)
	}
	for value, obeyed := range map[string]bool{`"0.1"`: true, "0,1": true, "1e-3f": true, "10^-3": true, "1e−3": true, "5%": true, "[0.1]": true, "auto": false} {
		fault{"{lr: 0.1, hidden: 16}", "\n  lr: " + value + "\n  hidden: 16", "invalid-argument@4:7", obeyed}.check(t)
	}
	at := func(src string) []string { found, _ := findings(t, src); return found }
	three := strings.Replace(brought, "    y: {", "    h2: {Linear: a, out_features: hidden}\n    h3: {Linear: h2, out_features: hidden}\n    y: {", 1)
	require.Equal(t, []string{"invalid-argument@3:25"}, at(strings.Replace(three, "hidden: 16}", `hidden: "16"}`, 1)), "three uses are one finding")
	one := strings.Replace(brought, "{lr: lr}", "{lr: lr * hidden}", 1)
	require.Equal(t, []string{"invalid-argument@12:34"}, at(strings.Replace(one, "hidden: 16}", "hidden: 16.5}", 1)), "where a use is right, the wrong one is told")
	for use, rule := range map[string]string{
		"until: loss < v": "type-mismatch", "max_steps: 1\n  clip_grad_norm: v": "invalid-argument", "max_steps: 1\n  metrics: {b: mean(y) * (v + 1)}": "invalid-operation",
	} {
		src := strings.Replace(brought, "  metrics:\n    loss: ema(loss, 0.99)\n  max_steps: 100", "  "+use, 1)
		if strings.HasPrefix(use, "until") {
			src = strings.Replace(brought, "max_steps: 100", use, 1)
		}
		src = strings.Replace(src, "{lr: 0.1,", `{v: "1", lr: 0.1,`, 1)
		require.Equal(t, []string{rule + "@3:11"}, at(src), src)
	}
}

func TestAnInvalidNameIsOneFindingWithItsUses(t *testing.T) {
	for name, meant := range map[string]string{"fc-1": "fc_1", "1st": "_1st", "layer.1": "layer_1", "fc 1": "fc_1", "größe": "groesse", "layer[0]": "layer_0",
		"fc/1": "fc_1", "fc‑1": "fc_1", "ас": "ac", "a\u00a0": "a_"} {
		src := strings.NewReplacer("    h: {", "    "+name+": {", "silu(h)", fmt.Sprintf("silu(%s) + %[1]s", name), "  outputs: [y]", "    b: {exp: \""+name+"\"}\n  outputs: [y, b, \""+name+"\"]").Replace(brought)
		_, list := spec.Parse("s.yaml", []byte(src), spec.Options{})
		require.Len(t, list.Items, 1, list.Text())
		require.Equal(t, "invalid-name@12:5", fmt.Sprintf("%s@%s", list.Items[0].Rule, list.Items[0].Range.Start))
		require.Contains(t, list.Items[0].Help, "write "+meant+", also at its 4 uses")
		best, ok, _ := obey("s.yaml", src, list.Items[0], spec.Options{})
		require.True(t, ok && len(best.list.Items) == 0, best.list.Text())
	}
	for _, word := range []string{"if", "not", "next", "and", "let"} {
		src := strings.NewReplacer("    h: {", "    "+word+": {", "silu(h)", "silu("+word+")").Replace(brought)
		found, text := findings(t, src)
		require.Equal(t, []string{"reserved-name@12:5"}, found, text)
	}
	found, text := findings(t, strings.NewReplacer("points", "train-set").Replace(brought))
	require.Equal(t, []string{"invalid-name@5:3"}, found, text)
	found, text = findings(t, strings.NewReplacer("lr: 0.1", "l-r: 0.1", "{lr: lr}", "{lr: l-r}").Replace(brought))
	require.Equal(t, []string{"invalid-name@3:8"}, found, text)
	found, text = findings(t, strings.NewReplacer("    loss: ema", "    val-loss: ema", "max_steps: 100", "until: val-loss < 1\n  early_stop: {metric: val-loss, patience: 3}").Replace(brought))
	require.Equal(t, []string{"invalid-name@21:5"}, found, text)
}

// placeholdersOf are the forms of a placeholder for a var.
func placeholdersOf(name string) []string {
	return []string{"${" + name + "}", "${{ " + name + " }}", "{{ " + name + " }}", "{{" + name + "}}", "$" + name, "$(" + name + ")", "%(" + name + ")s", "%{" + name + "}", "#{" + name + "}",
		"<%= " + name + " %>", "${vars." + name + "}", "${" + name + ":-1}", "{" + name + "}", "<" + name + ">", "@" + name}
}

func TestAPlaceholderIsOneFindingWithItsReplacement(t *testing.T) {
	for _, p := range placeholdersOf("hidden") {
		quoted := `"` + p + `"`
		fault{"out_features: hidden", "out_features: " + quoted, "foreign-syntax@12:35", true}.check(t)
		fault{"{lr: 0.1, hidden: 16}", "\n  lr: 0.1\n  hidden: " + quoted, "foreign-syntax@5:11", false}.check(t)
		fault{"max_steps: 100", "max_steps: " + quoted, "foreign-syntax@22:14", false}.check(t)
		fault{"data: points", "data: " + quoted, "foreign-syntax@17:9", false}.check(t)
		fault{"name: base", "seed: " + quoted, "foreign-syntax@2:7", false}.check(t)
		if !strings.HasPrefix(p, "{hid") && p[0] != '<' && p[0] != '@' { // all of a text, or part of one
			fault{"silu(h)", `"silu(h) * ` + p + `"`, "foreign-syntax@13:19", true}.check(t)
			fault{`"f32[32, 8]"`, `"f32[32, ` + strings.ReplaceAll(p, "hidden", "width") + `]"`, "foreign-syntax@10:24", false}.check(t)
		}
	}
	for _, p := range []string{"${hidden}", "${{ hidden }}", "{{ hidden }}", "$hidden", "%(hidden)s"} { // without quotes
		fault{"out_features: hidden", "out_features: " + p, "foreign-syntax@12:34", true}.check(t)
		fault{"{lr: 0.1, hidden: 16}", "\n  lr: 0.1\n  hidden: " + p, "foreign-syntax@5:11", false}.check(t)
	}
	_, text := findings(t, strings.Replace(brought, "{lr: lr}", `{lr: "${env:LR}"}`, 1))
	require.Contains(t, text, "--set LR=VALUE")
}

func TestInvalidImportsAreOneFinding(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	write("blocks.yaml", "flowrun: 1\nmodules:\n  Block:\n    inputs: {x: \"float[...]\"}\n    output: x * 2\n")
	write("spec2.yaml", brought)
	write("flat.yaml", "flowrun: 1\nBlock:\n  inputs: {x: \"float[...]\"}\n  output: x * 2\n")
	for item, want := range map[string]string{
		"{path: blocks.yaml}": "unknown-key@4:6", "{file: blocks.yaml}": "unknown-key@4:6", "{src: blocks.yaml}": "unknown-key@4:6", "{import: blocks.yaml}": "unknown-key@4:6",
		"{blocks: blocks.yaml}": "unknown-key@4:6", "{from: blocks.yaml, import: [Block]}": "unknown-key@4:25", "{from: blocks.yaml, as: b}": "unknown-key@4:25",
		"blocks": "unreadable@4:5", "torch.nn": "unreadable@4:5", "numpy as np": "unreadable@4:5", "spec2.yaml": "invalid-value@4:5",
		"{from: blocks.yaml, names: [Block as B]}": "invalid-name@4:33", "{from: blocks.yaml, names: [{Block: B}]}": "wrong-type@4:33", "{from: blocks.yaml, names: [Blok]}": "unknown-name@4:33",
	} {
		src := strings.NewReplacer("name: base", "name: base\nimports:\n  - "+item, "silu(h)", "Block(h)").Replace(brought)
		_, list := spec.Load(write("s.yaml", src), spec.Options{})
		require.Len(t, list.Items, 1, list.Text())
		require.Equal(t, want, fmt.Sprintf("%s@%s", list.Items[0].Rule, list.Items[0].Range.Start), list.Text())
		require.NotEmpty(t, list.Items[0].Help)
	}
	src := strings.NewReplacer("name: base", "imports: [flat.yaml]", "silu(h)", "Block(h)").Replace(brought)
	_, list := spec.Load(write("s.yaml", src), spec.Options{})
	require.Len(t, list.Items, 1, list.Text())
}
