package e2e_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun"
)

// shop reads words.csv: ids of words, which are embedded, a shop's name and a label, which
// may be ignored. %s are more keys of train.
const shop = `flowrun: 1
data:
  d:
    csv: %s
    fields:
      ids: {columns: [a, b], type: "i32[2]"}
      shop: {column: shop, type: "i64[]", classes: 3}
      y: {column: y, type: "i64[]"}
    batch: 2
model:
  inputs: {ids: "i32[batch, 2]", shop: "i64[batch]"}
  nodes:
    word: {Embedding: ids, num_embeddings: 5, embedding_dim: 3}
    place: {Embedding: shop, num_embeddings: %d, embedding_dim: 3}
    scores: {Linear: "mean(word, 1) + place", out_features: 4}
  outputs: [scores]
train:
  data: d
  loss: cross_entropy(scores, y)
  metrics: {right: "accuracy(scores, y)", near: "top_k_accuracy(scores, y, k=2)"}
  optimizer: {SGD: {lr: 0.1}}
  epochs: 1
%s`

func words(rows ...string) string {
	return "a,b,shop,y\n" + strings.Join(rows, "\n") + "\n"
}

// trainWords trains on a file, and evaluates another one if it isn't "".
func trainWords(t *testing.T, train, held string, shops int) (*flowrun.Program, string, error) {
	folder := t.TempDir()
	path := filepath.Join(folder, "shop.yaml")
	more := ""
	text := shop
	if held != "" {
		more = "  eval: {data: e, every: 1, metrics: {loss: loss}}\n"
		text = strings.Replace(text, "model:", `  e:
    csv: held.csv
    fields:
      ids: {columns: [a, b], type: "i32[2]"}
      shop: {column: shop, type: "i64[]", classes: 3}
      y: {column: y, type: "i64[]"}
    batch: 2
model:`, 1)
	}
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, text, "words.csv", shops, more), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "words.csv"), []byte(train), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "held.csv"), []byte(held), 0o600))
	p, err := flowrun.Load(path)
	if err != nil {
		return nil, path, err
	}
	s, err := p.Start(context.Background(), flowrun.On("cpu"))
	if err != nil {
		return p, path, err
	}
	_, err = s.Run(context.Background())
	if err == nil {
		err = s.SaveWeights(filepath.Join(folder, "w.safetensors"))
	}
	require.NoError(t, s.Close())
	return p, path, err
}

func TestIDsAndLabelsOutOfRangeAreNamedWithTheirPlace(t *testing.T) {
	good := []string{"0,1,north,0", "2,3,south,3", "4,4,west,-100"}
	_, _, err := trainWords(t, words(good...), words("1,1,west,-100", "1,1,west,0"), 3)
	require.NoError(t, err, "-100 is ignored")
	for row, says := range map[string]string{
		"5,0,north,0":  `words.csv:5, column "a": ids is 5, which is out of range: embedding (`,
		"0,-1,north,0": `words.csv:5, column "b": ids is -1, which is out of range: embedding (`,
		"0,0,north,4":  `words.csv:5, column "y": y is 4, which is out of range: gather (`,
		"0,0,north,-1": `takes 0 to 3, or -100`,
	} {
		_, path, err := trainWords(t, words(append(good[:3:3], row)...), "", 3)
		require.ErrorContains(t, err, says)
		require.ErrorContains(t, err, path, "where the spec uses it")
		require.NotContains(t, err.Error(), "failed on", "no device has")
		saysTheCheckToo(t, path, "d", says)
		_, path, err = trainWords(t, words(good...), words("0,0,west,0", "0,0,west,0", "0,0,west,0", row), 3)
		require.ErrorContains(t, err, strings.ReplaceAll(says, "words", "held"), "in an evaluation")
		saysTheCheckToo(t, path, "e", strings.ReplaceAll(says, "words", "held"))
	}
	_, path, err := trainWords(t, words("0,1,north,0", "9,9,south,3", "9,1,west,-1"), "", 3)
	require.Error(t, err)
	require.Equal(t, []int64{3, 4, 4}, saysTheCheckToo(t, path, "d", ""), "each, in the order of the fields")
}

// saysTheCheckToo demands that what a run refuses is found by checks of its data, too. It
// gives the rows of all faults.
func saysTheCheckToo(t *testing.T, path, source, says string) (rows []int64) {
	_, err := flowrun.Load(path, flowrun.WithFiles())
	require.ErrorContains(t, err, says)
	p, err := flowrun.Load(path)
	require.NoError(t, err)
	var faults []string
	_, err = p.CheckData(context.Background(), source, flowrun.DataOptions{Fault: func(f flowrun.DataFault) {
		rows = append(rows, f.Row)
		faults = append(faults, fmt.Sprintf("%s:%d, column %q: %s", f.File, f.Row, f.Column, f.Message))
	}})
	require.ErrorIs(t, err, flowrun.ErrFaultyData)
	require.Contains(t, strings.Join(faults, "\n"), says)
	return rows
}

func TestIDsOutOfRangeInAFileToInferOnAreNamed(t *testing.T) {
	p, path, err := trainWords(t, words("0,1,north,0", "2,3,south,3", "4,4,west,-100"), "", 3)
	require.NoError(t, err)
	w, err := p.ReadWeights(filepath.Join(filepath.Dir(path), "w.safetensors"))
	require.NoError(t, err)
	in := filepath.Join(t.TempDir(), "new.csv")
	infer := func(rows ...string) error {
		require.NoError(t, os.WriteFile(in, []byte("a,b,shop\n"+strings.Join(rows, "\n")+"\n"), 0o600))
		_, err := p.InferTo(context.Background(), flowrun.FileInference{In: in}, io.Discard, "jsonl", flowrun.On("cpu"), flowrun.WithWeights(w))
		return err
	}
	require.NoError(t, infer("0,4,west"))
	require.ErrorContains(t, infer("0,4,west", "9,0,north"), "new.csv:3, column \"a\": ids is 9, which is out of range: embedding (")
}

func TestFewerIDsThanAFieldHasClassesAreKnownBeforeTheRun(t *testing.T) {
	_, _, err := trainWords(t, words("0,1,north,0", "2,3,south,3", "4,4,west,-100"), "", 2)
	require.ErrorContains(t, err, "shop has 3 classes, whose ids are 0 to 2, but embedding")
	require.ErrorAs(t, err, new(*flowrun.SpecError))
}
