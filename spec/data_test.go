package spec_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/diag"
	"github.com/flowrun/flowrun/spec"
)

// Data sources of files: one fault each, put into a spec that is accepted.

const withFiles = `flowrun: 1
vars: {folder: shared, size: 2}
data:
  points:
    csv: points.csv
    fields:
      x: {columns: [a, b], type: "f32[2]"}
      y: {column: label, type: "i64[]", classes: [no, yes]}
    batch: 32
    shuffle: true
  held:
    csv: "{folder}/held.csv"
    fields:
      x: {columns: [a, b], type: "f32[size]"}
      y: {column: label, type: "i64[]", classes: [no, yes]}
    batch: 32
model:
  inputs: {x: "f32[n, 2]"}
  nodes:
    h: {Linear: x, out_features: 2}
  outputs: [h]
train:
  data: points
  loss: cross_entropy(h, y)
  optimizer: {SGD: {lr: 0.1}}
  epochs: 3
  eval: {data: held, every: epoch, metrics: {loss: loss}}
`

// in puts a change into the spec above.
func in(t *testing.T, old, new string) string {
	t.Helper()
	require.Contains(t, withFiles, old)
	return strings.Replace(withFiles, old, new, 1)
}

// accepted are changes that nothing is said about; every refusal below has one beside it.
var accepted = [][2]string{
	{"csv: points.csv", "csv: [a.csv, b.csv]"}, {"csv: points.csv", `csv: "parts/*.csv"`}, {"csv: points.csv", `csv: "{folder}/points.csv"`},
	{"csv: points.csv", `csv: "{{folder}}.csv"`}, {"csv: points.csv", "csv: points.csv\n    header: true\n    trim: true"},
	{"csv: points.csv", "csv: points.csv\n    delimiter: \"\\t\""}, {"csv: points.csv", "csv: points.csv\n    decimal: \",\"\n    delimiter: \";\""},
	{"csv: points.csv", "csv: points.csv\n    missing: \"?\""}, {"csv: points.csv", "csv: points.csv\n    missing: [\"\", 0]"},
	{`type: "f32[2]"}`, `type: "f32[2]", normalize: element}`}, {`type: "f32[2]"}`, `type: "f32[2]", normalize: field}`},
	{"    shuffle: true", "    drop_last: true\n    repeat: 3\n    limit: 100"}, {"    shuffle: true", "    repeat: unlimited"},
	{"classes: [no, yes]", "classes: 2"}, {"classes: [no, yes]", "classes: [no, yes], unknown: 2"}, {"classes: [no, yes]", "classes: [no, yes], unknown: 0"},
	{"data: points", "data: held"}, {"epochs: 3", "max_steps: 3"}, {"epochs: 3", "until: epoch >= 3"}, {"epochs: 3", "epochs: 3\n  max_steps: 100\n  log_every: epoch\n  checkpoint: {every: epoch}"},
	{"every: epoch", "every: 10, batches: 5"}, {"lr: 0.1", "lr: 0.1 * 0.9 ** epoch"}, {"lr: 0.1", "lr: 0.1 / (1 + epoch_fraction)"},
	{"outputs: [h]", "outputs: [h]\n  labels: {h: y}"},
}

func TestDataSourcesOfFilesAreAccepted(t *testing.T) {
	for _, change := range accepted {
		_, list := spec.Parse("s.yaml", []byte(in(t, change[0], change[1])), spec.Options{})
		for _, d := range list.Items {
			require.Contains(t, []diag.Rule{diag.UnusedSource, diag.UnusedVar}, d.Rule, "%s\n%s", change[1], list.Text())
		}
	}
}

func TestRenderedDataSourcesAreTheSame(t *testing.T) {
	changes := accepted
	for _, split := range []string{
		"{parts: {a: 0.8, b: 0.2}}", "{parts: {a: 0.8}, order: in_order}", "{parts: {a: no, b: yes}, by: y}",
		"{parts: {a: 0.5, b: 0.5}, stratify: y, seed: 3}", "{parts: {a: 0.5, b: 0.5}, order: random}",
	} {
		changes = append(changes, [2]string{"    shuffle: true", "    split: " + split + "\n    shuffle: true"})
	}
	for _, change := range changes {
		text := in(t, change[0], change[1])
		text = strings.Replace(text, "data: points", "data: held", 1) // a source with parts needs one of them
		want, list := spec.Parse("s.yaml", []byte(text), spec.Options{})
		require.False(t, list.HasErrors(), "%s\n%s", change[1], list.Text())
		got, list := spec.Parse("s.yaml", []byte(rendersToItself(t, "s.yaml", text, spec.Options{})), spec.Options{})
		require.False(t, list.HasErrors(), "%s\n%s", change[1], list.Text())
		require.Equal(t, declarations(t, want), declarations(t, got), change[1])
	}
}

// declarations are a program's data sources as JSON would have them, without positions.
func declarations(t *testing.T, p *spec.Program) (all any) {
	text, err := json.Marshal(p.DataSources)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &all))
	var strip func(v any)
	strip = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				strip(e)
			}
		case map[string]any:
			delete(v, "At")
			for _, e := range v {
				strip(e)
			}
		}
	}
	strip(all)
	return all
}

func TestEachFaultOfADataSourceIsOneFindingAtItsPosition(t *testing.T) {
	split := func(text string) [2]string { return [2]string{"    shuffle: true", "    split: " + text} }
	for _, f := range []struct{ old, new, at string }{
		// keys of other kinds, of fields, of other tools
		{"    shuffle: true", "    stride: 3", "unknown-key@10:5"},
		{"    shuffle: true", "    column: a", "unknown-key@10:5"},
		{"columns: [a, b], ", "columns: [a, b], delimiter: \";\", ", "unknown-key@7:28"},
		{"columns: [a, b], ", "columns: [a, b], offset: 1, ", "unknown-key@7:28"},
		{"    shuffle: true", "    shufle: true", "unknown-key@10:5"},
		{"    shuffle: true", "    drop_remainder: true", "unknown-key@10:5"},
		{"    batch: 32\n    shuffle", "    batch_size: 32\n    shuffle", "unknown-key@9:5"},
		{"    shuffle: true", "    sep: \";\"", "unknown-key@10:5"},
		{"    shuffle: true", "    na_values: \"?\"", "unknown-key@10:5"},
		{"    shuffle: true", "    num_workers: 4", "unknown-key@10:5"},
		{"    shuffle: true", "    encoding: latin-1", "unknown-key@10:5"},
		{"  epochs: 3", "  num_epochs: 3", "unknown-key@26:3"},
		{"  epochs: 3", "  epochs: 3\n  validation_split: 0.2", "unknown-key@27:3"},
		{"  epochs: 3", "  epochs: 3\n  batch: 32", "unknown-key@27:3"},
		// values
		{"    shuffle: true", "    shuffle: \"yes\"", "wrong-type@10:14"},
		{"    shuffle: true", "    shuffle: yes", "wrong-type@10:14"},
		{"batch: 32", "batch: 0", "invalid-value@9:12"},
		{"csv: points.csv", `csv: ""`, "invalid-value@5:10"},
		{"batch: 32", "batch: many", "unknown-name@9:12"},
		{"batch: 32", "batch: \"32\"", "wrong-type@9:12"},
		{"batch: 32", "batch: ${BATCH}", "foreign-syntax@9:12"},
		{"    batch: 32\n    shuffle", "    shuffle", "missing-key@4:3"},
		{"    shuffle: true", "    repeat: forever", "invalid-value@10:13"},
		{"    shuffle: true", "    repeat: 2", "invalid-value@26:11"},
		{"    shuffle: true", "    limit: 0", "invalid-value@10:12"},
		{"    shuffle: true", "    delimiter: tab", "invalid-value@10:16"},
		{"    shuffle: true", "    delimiter: 1", "wrong-type@10:16"},
		{"    shuffle: true", "    decimal: comma", "invalid-value@10:14"},
		{"    shuffle: true", "    header: 1", "wrong-type@10:13"},
		{"    shuffle: true", "    missing: {a: b}", "wrong-type@10:14"},
		// files
		{"csv: points.csv", "csv: ../points.csv", "path-outside@5:10"},
		{"csv: points.csv", "csv: []", "invalid-value@5:10"},
		{"csv: points.csv", "csv: {x: a.csv}", "wrong-type@5:10"},
		{"csv: points.csv", "csv: [a.csv, b.csv, a.csv]", "duplicate-name@5:25"},
		{"csv: points.csv", `csv: "{folders}/points.csv"`, "unknown-name@5:10"},
		{"csv: points.csv", `csv: "{size}/points.csv"`, "invalid-value@5:10"},
		{"csv: points.csv", `csv: "{folder/points.csv"`, "invalid-value@5:10"},
		{"csv: points.csv", `csv: "folder}/points.csv"`, "invalid-value@5:10"},
		{"csv: points.csv", `csv: "${folder}/points.csv"`, "foreign-syntax@5:10"},
		{"csv: points.csv", "cvs: points.csv", "unknown-key@5:5"},
		{"csv: points.csv", "csv: points.csv\n    npy: points.npy", "invalid-value@4:3"},
		{"    csv: points.csv\n", "", "missing-key@4:3"},
		// fields
		{`type: "f32[2]"}`, `type: "f32[size, k]"}`, "unknown-name@7:45"},
		{`type: "f32[2]"}`, `type: "f32[2]", normalize: each}`, "invalid-value@7:55"},
		{`type: "f32[2]"}`, `type: "i64[2]", normalize: element}`, "type-mismatch@7:55"},
		{`type: "f32[2]"}`, `type: "f32[2]", fill: ffill}`, "invalid-value@7:50"},
		{`type: "f32[2]"}`, `type: "f32[2]", fill: .nan}`, "invalid-value@7:50"},
		{`type: "f32[2]"}`, `type: "f32[2]", fill: [1]}`, "wrong-type@7:50"},
		{`type: "f32[2]"}`, `type: "f32[2]", unknown: 2}`, "invalid-value@7:53"},
		{`"i64[]", classes: [no, yes]`, `"f32[]", classes: [no, yes]`, "type-mismatch@8:33"},
		{`"i64[]", classes: [no, yes]`, `"u8[]", classes: 257`, "invalid-value@8:33"},
		{"classes: [no, yes]", "classes: []", "invalid-value@8:50"},
		{"classes: [no, yes]", "classes: [no, yes, no]", "duplicate-name@8:60"},
		{"classes: [no, yes]", "classes: 0", "invalid-value@8:50"},
		{"classes: [no, yes]", "classes: two", "unknown-name@8:50"},
		{"classes: [no, yes]", "classes: [no, yes], unknown: 3", "invalid-value@8:70"},
		{"classes: [no, yes]", "classes: [no, yes], normalize: field", "invalid-value@8:72"},
		// parts
		{split("")[0], split("{parts: {a: 0.8, b: 0.3}}")[1], "invalid-value@10:20"},
		{split("")[0], split("{parts: {a: 80, b: 0.2}}")[1], "invalid-value@10:24"},
		{split("")[0], split("{parts: {a: 0.8, b: 80%}}")[1], "wrong-type@10:32"},
		{split("")[0], split("{parts: {}}")[1], "invalid-value@10:20"},
		{split("")[0], split("0.2")[1], "wrong-type@10:12"},
		{split("")[0], split("{parts: {a: 0.8}, stratify: x}")[1], "invalid-value@10:40"},
		{split("")[0], split("{parts: {a: 0.8}, stratify: z}")[1], "unknown-name@10:40"},
		{split("")[0], split("{parts: {a: 0.8}, order: sorted}")[1], "invalid-value@10:37"},
		{split("")[0], split("{parts: {a: 0.8}, order: in_order, seed: 3}")[1], "invalid-value@10:53"},
		{split("")[0], split("{parts: {a: no, b: [yes, no]}, by: y}")[1], "duplicate-name@10:31"},
		{split("")[0], split("{parts: {train: 0.8, test: 0.2}}")[1], "invalid-value@23:9"},
		{"data: points", "data: points.train", "unknown-source@23:9"},
		{"data: points", "data: point", "unknown-source@23:9"},
		// transforms
		{"    shuffle: true", "    transform: {x: y2 * 2}", "unknown-name@10:20"},
		{"    shuffle: true", "    transform: {x: \"Linear(x, 2)\"}", "invalid-operation@10:21"},
		{"    shuffle: true", "    transform: {x: z + 0, z: x + 0}", "cycle@10:17"},
		{"    shuffle: true", "    transform: {z: x + 0}", "unbound-input@27:16"},
		// labels
		{"outputs: [h]", "outputs: [h]\n  labels: {k: y}", "unknown-name@22:12"},
		{"outputs: [h]", "outputs: [h]\n  labels: {h: z}", "unknown-name@22:15"},
		{"outputs: [h]", "outputs: [h]\n  labels: {h: x}", "invalid-value@22:15"},
		{"outputs: [h]", "outputs: [h, x]\n  labels: {h: y}\n  outputs2: [h]", "unknown-key@23:3"},
		// epochs
		{"  epochs: 3", "  epochs: 0", "invalid-value@26:11"},
		{"  epochs: 3", "  log_every: epoch", "endless-training@23:3"},
		{"  epochs: 3", "  epochs: 3\n  log_every: epochs", "wrong-type@27:14"},
		{"every: epoch", "every: 1.5", "wrong-type@27:29"},
		{"cross_entropy(h, y)", "cross_entropy(h, y) * epoch", "unknown-name@24:31"},
	} {
		src := in(t, f.old, f.new)
		if strings.Contains(f.new, "parts: {a: ") && f.old == split("")[0] { // the part exists
			src = strings.Replace(src, "data: points", "data: points.a", 1)
		}
		found, text := findings(t, src)
		require.Equal(t, []string{f.at}, found, "%s\n%s", f.new, text)
	}
}

func TestGeneratedDataHasNoEpochs(t *testing.T) {
	for change, at := range map[string]string{
		"epochs: 3": "invalid-value@22:11", "log_every: epoch\n  max_steps: 3": "invalid-value@22:14", "max_steps: 3\n  until: epoch > 3": "unknown-name@23:10",
	} {
		found, text := findings(t, strings.Replace(brought, "max_steps: 100", change, 1))
		require.Equal(t, []string{at}, found, text)
	}
	p, list := spec.Parse("s.yaml", []byte(strings.Replace(brought, "max_steps: 100", "max_steps: 1\n  eval: {data: points, every: 2, metrics: {m: loss}}", 1)), spec.Options{})
	require.NotNil(t, p, list.Text())
	require.EqualValues(t, 1, p.Loop.Evaluation.Batches)
}

const joined = `flowrun: 1
data:
  a: {npy: {x: a.npy}, fields: {x: {type: "f32[4]"}}}
  b: {csv: b.csv, fields: {y: {type: "i64[]", classes: 3}}}
  ab:
    zip: [a, b]
    batch: 8
    shuffle: true
    split: {parts: {train: 0.9, test: 0.1}, stratify: y}
model:
  inputs: {x: "f32[n, 4]"}
  nodes: {h: {Linear: x, out_features: 3}}
  outputs: [h]
train: {data: ab.train, loss: "cross_entropy(h, y)", optimizer: {SGD: {lr: 0.1}}, epochs: 3}
`

func TestDataSourcesAreZippedAndMixed(t *testing.T) {
	p := parsed(t, joined)
	d, part := p.Source(p.TrainData)
	require.Equal(t, []string{"a", "b"}, d.Zip)
	require.Equal(t, "train", part)
	require.Equal(t, []string{"x", "y"}, []string{d.Fields[0].Name, d.Fields[1].Name})
	require.Equal(t, 3, d.Field("y").Classes.Count)
	require.Equal(t, map[string]string{"ab.train x": "f32[8, 4]", "ab.train y": "i64[8]"}, read(p.Train))

	mixed := strings.NewReplacer("b: {csv: b.csv, fields: {y: {type: \"i64[]\", classes: 3}}}", "b: {npy: {x: b.npy}, fields: {x: {type: \"f32[4]\"}}}",
		"zip: [a, b]", "mix: {a: 3, b: 1}", ", stratify: y", "", "cross_entropy(h, y)", "mean(h)").Replace(joined)
	p = parsed(t, mixed)
	d, _ = p.Source("ab")
	require.Equal(t, []table.Share{{Source: "a", Weight: 3}, {Source: "b", Weight: 1}}, d.Mix)
	require.Len(t, d.Fields, 1)

	for _, f := range []struct{ text, old, new, at string }{
		{joined, "zip: [a, b]", "zip: [a, c]", "unknown-source@6:14"},
		{joined, "zip: [a, b]", "zip: [a]", "invalid-value@6:10"},
		{joined, "zip: [a, b]", "zip: a", "wrong-type@6:10"},
		{joined, "zip: [a, b]", "zip: [a, b, ab]", "cycle@6:17"},
		{joined, "y: {type", "x: {type", "duplicate-name@6:14"},
		{joined, "    shuffle: true", "    header: true", "unknown-key@8:5"},
		{joined, "    batch: 8\n", "", "missing-key@5:3"},
		{joined, "fields: {x: {type", "transform: {x: x + 1}, fields: {x: {type", "invalid-value@3:35"},
		{mixed, "mix: {a: 3, b: 1}", "mix: {a: 3, b: 0}", "invalid-value@6:20"},
		{mixed, "mix: {a: 3, b: 1}", "mix: {a: 3, b: 5000000}", "invalid-value@6:10"},
		{mixed, `b.npy}, fields: {x: {type: "f32[4]"}`, `b.npy}, fields: {x: {type: "f32[5]"}`, "type-mismatch@6:17"},
		{mixed, `{npy: {x: b.npy}, fields: {x: {type: "f32[4]"}`, `{npy: {z: b.npy}, fields: {z: {type: "f32[4]"}`, "invalid-value@6:17"},
	} {
		require.Contains(t, f.text, f.old)
		found, text := findings(t, strings.Replace(f.text, f.old, f.new, 1))
		if f.new == "zip: [a]" {
			found = found[:1]
		}
		require.Equal(t, []string{f.at}, found, "%s\n%s", f.new, text)
	}
}

func TestOptionsHaveTheirDefaults(t *testing.T) {
	p := parsed(t, withFiles)
	d, _ := p.Source("points")
	require.Equal(t, ",", d.Options.Text("delimiter"))
	require.True(t, d.Options.Bool("header"))
	require.False(t, d.Options["header"].At.Known())
	require.False(t, d.Options.Has("missing"))
	p = parsed(t, in(t, "    shuffle: true", "    trim: true\n    delimiter: \";\"\n    missing: [\"\", 0]"))
	d, _ = p.Source("points")
	require.True(t, d.Options.Bool("trim"))
	require.Equal(t, "10:11", d.Options["trim"].At.Start.String())
	require.Equal(t, []string{"", "0"}, d.Options.Texts("missing"))
	require.Equal(t, []string{"a", "b"}, d.Field("x").Options.Texts("columns"))
}

func TestAVarInAFileNameCanBeOverridden(t *testing.T) {
	src := in(t, "csv: points.csv", `csv: ["{folder}/points.csv", "{{x}}.csv"]`)
	for value, want := range map[string]string{"shared": "shared/points.csv", "other": "other/points.csv"} {
		p, list := spec.Parse("s.yaml", []byte(src), spec.Options{Set: []spec.Setting{{Key: "folder", Value: value}}})
		require.NotNil(t, p, list.Text())
		d, _ := p.Source("points")
		require.Equal(t, []string{want, "{x}.csv"}, []string{d.Files[0].Name, d.Files[1].Name})
	}
	_, list := spec.Parse("s.yaml", []byte(src), spec.Options{Set: []spec.Setting{{Key: "folder", Value: `"../up"`}}})
	require.Equal(t, "path-outside@5:11", fmt.Sprintf("%s@%s", list.Items[0].Rule, list.Items[0].Range.Start), list.Text())
}

func TestLabelsSayWhatOutputsAreAbout(t *testing.T) {
	p := parsed(t, in(t, "  outputs: [h]", "    i: argmax(h, -1)\n  outputs: [h, i]\n  labels: {h: y, i: y}"))
	require.Len(t, p.Labels, 2)
	require.False(t, p.Labels["h"].IDs)
	require.True(t, p.Labels["i"].IDs)
	require.Equal(t, []string{"no", "yes"}, p.Labels["i"].Classes.Names)
	found, text := findings(t, in(t, "out_features: 2}\n  outputs: [h]", "out_features: 2}\n    k: {Linear: x, out_features: 3}\n  outputs: [h, k]\n  labels: {k: y}"))
	require.Contains(t, found, "shape-mismatch@23:12", text)
}
