package spec_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/spec"
)

const countsByVar = `flowrun: 1
vars: {size: 4, few: 1e2, three: 3, half: 0.5, folder: texts}
data:
  plays:
    text: "{folder}/*.txt"
    tokens: characters
    vocabulary: few
    unknown: three
    stride: three
    fields:
      x: {type: "i32[8]"}
      y: {type: "i32[8]", offset: three}
    limit: few
    batch: size
  table:
    csv: t.csv
    fields: {c: {type: "i64[]", classes: three, unknown: three}}
    batch: size
model:
  inputs: {x: "i32[n, time]"}
  nodes: {h: {Embedding: x, num_embeddings: 100, embedding_dim: 2}}
  outputs: [h]
train:
  data: plays
  loss: mean(h)
  optimizer: {SGD: {lr: half}}
  epochs: 1
`

// So that --set can change them.
func TestCountsOfDataMayBeVars(t *testing.T) {
	p, list := spec.Parse("s.yaml", []byte(countsByVar), spec.Options{Set: []spec.Setting{{Key: "size", Value: "7"}}})
	require.False(t, list.HasErrors(), list.Text())
	text, table := p.DataSources[0], p.DataSources[1]
	require.EqualValues(t, 7, text.Batch)
	require.EqualValues(t, 7, table.Batch)
	require.EqualValues(t, 100, text.Limit)
	require.EqualValues(t, 3, text.Options.Int("stride"))
	require.EqualValues(t, 3, text.Fields[1].Options.Int("offset"))
	require.Equal(t, 100, text.Fields[0].Classes.Count)
	require.EqualValues(t, 3, text.Fields[0].Classes.Unknown)
	require.Equal(t, 3, table.Fields[0].Classes.Count)
	require.EqualValues(t, 3, table.Fields[0].Classes.Unknown)
	for _, n := range p.Train.Nodes {
		if n.Op == ir.SourceOp {
			require.Equal(t, ir.Shape{7, 8}, n.Type.Shape)
		}
	}
}

// One fault is one finding: a batch or a vocabulary that is wrong isn't also missing, and
// no size follows from it.
func TestACountThatIsWrongIsOneFinding(t *testing.T) {
	fixed := strings.Replace(countsByVar, "i32[n, time]", "i32[4, 8]", 1)
	for _, f := range []struct{ old, new, at string }{
		{"    batch: size\n  table", "    batch: 0\n  table", "invalid-value@14:12"},
		{"    batch: size\n  table", "    batch: half\n  table", "invalid-value@14:12"},
		{"    batch: size\n  table", "    batch: folder\n  table", "invalid-value@14:12"},
		{"    batch: size\n  table", "    batch: sizes\n  table", "unknown-name@14:12"},
		{"    batch: size\n  table", "    batch: [4]\n  table", "wrong-type@14:12"},
		{"    batch: size\n  table", "    batch: 4.5\n  table", "wrong-type@14:12"},
		{"    batch: size\n  table", "  table", "missing-key@4:3"},
		{"vocabulary: few", "vocabulary: half", "invalid-value@7:17"},
		{"vocabulary: few", "vocabulary: [few]", "wrong-type@7:17"},
		{"vocabulary: few", "vocabulary: -1", "invalid-value@7:17"},
		{"    vocabulary: few\n", "", "invalid-value@6:13"},
		{"limit: few", "limit: half", "invalid-value@13:12"},
		{"stride: three", "stride: half", "invalid-value@9:13"},
		{"classes: three", "classes: half", "invalid-value@17:42"},
	} {
		require.Contains(t, fixed, f.old)
		found, text := findings(t, strings.Replace(fixed, f.old, f.new, 1))
		found = slices.DeleteFunc(found, func(at string) bool { return strings.HasPrefix(at, "unused-") })
		require.Equal(t, []string{f.at}, found, "%s\n%s", f.new, text)
	}
}

func TestAVarForTheBatchFixesTheSizeOfInputs(t *testing.T) {
	text := strings.NewReplacer("n, time", "size, time").Replace(countsByVar)
	p, list := spec.Parse("s.yaml", []byte(text), spec.Options{})
	require.False(t, list.HasErrors(), list.Text())
	_, list = p.TrainStep(3)
	require.Contains(t, list.Text(), "size is 4 here, not 3")
	require.Contains(t, list.Text(), "a name that is no var")
}
