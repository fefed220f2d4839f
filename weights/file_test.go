package weights_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/safetensors"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/ir"
	"github.com/flowrun/flowrun/weights"
)

// vector is a small tensor.
func vector(values ...float32) *ir.Tensor {
	return ir.FromFloat32(ir.Shape{len(values)}, values)
}

// write writes a safetensors file and gives its path.
func write(t *testing.T, dir, name string, tensors map[string]*ir.Tensor, metadata map[string]string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, safetensors.WriteWith(path, tensors, metadata))
	return path
}

// put writes a text and gives its path.
func put(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	return path
}

// index writes an index and gives its path.
func index(t *testing.T, dir string, shardOf map[string]string) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": 12, "by": "a test"}, "weight_map": shardOf})
	require.NoError(t, err)
	return put(t, dir, "model.safetensors.index.json", string(text))
}

// opened opens a file that must open, and closes it at the end of the test.
func opened(t *testing.T, path string) *weights.File {
	t.Helper()
	f, err := weights.Open(nil, path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

// fault is the error of opening a file.
func fault(t *testing.T, path string) string {
	t.Helper()
	f, err := weights.Open(nil, path)
	if err == nil {
		f.Close()
	}
	require.Error(t, err)
	return err.Error()
}

const (
	first  = "model-00001-of-00002.safetensors"
	second = "model-00002-of-00002.safetensors"
)

// sharded is a folder with two shards: a is in both, but different; c is in the second.
func sharded(t *testing.T) (dir string, shardOf map[string]string) {
	dir = t.TempDir()
	write(t, dir, first, map[string]*ir.Tensor{"a": vector(1), "b": vector(2, 3)}, nil)
	write(t, dir, second, map[string]*ir.Tensor{"a": vector(-1), "c": vector(4), "d": vector(9)}, nil)
	return dir, map[string]string{"a": first, "b": first, "c": second}
}

func TestTheIndexDecidesWhichShardHoldsATensor(t *testing.T) {
	dir, shardOf := sharded(t)
	for shard, want := range map[string]float64{first: 1, second: -1} {
		shardOf["a"] = shard
		f := opened(t, index(t, dir, shardOf))
		require.Equal(t, []string{"a", "b", "c"}, f.Names(), "d is in a shard, but not in the index")
		require.Equal(t, []string{first, second}, f.Shards())
		require.Equal(t, shard, f.Shard("a"))
		a, err := f.Tensor("a")
		require.NoError(t, err)
		require.Equal(t, want, a.Float(0))
		require.Equal(t, map[string]string{"total_size": "12", "by": "a test"}, f.Metadata())
		require.NoError(t, f.Verify())
	}
}

func TestEveryShardMustBeThereWithItsTensors(t *testing.T) {
	dir, shardOf := sharded(t)
	shardOf["gone"] = second
	require.Contains(t, fault(t, index(t, dir, shardOf)), `the tensor "gone" isn't in "`+second+`"`)
	delete(shardOf, "gone")

	shardOf["x"] = "model-00003-of-00003.safetensors"
	message := fault(t, index(t, dir, shardOf))
	require.Contains(t, message, "shard 3 of 3, which has x: ")
	require.Contains(t, message, "model-00003-of-00003.safetensors: no such file or directory")

	require.NoError(t, os.Mkdir(filepath.Join(dir, "model-00003-of-00003.safetensors"), 0o777))
	require.Contains(t, fault(t, index(t, dir, shardOf)), "not a regular file but a folder")
	delete(shardOf, "x")

	require.NoError(t, os.Truncate(filepath.Join(dir, second), 90))
	require.Contains(t, fault(t, index(t, dir, shardOf)), "shard 2 of 2, which has c: ")
}

func TestAShardLiesInTheFolderOfItsIndex(t *testing.T) {
	dir, shardOf := sharded(t)
	for _, name := range []string{"../" + first, "sub/" + first, `sub\x`, "..", ".", "", "/etc/passwd", "a\x00b", "x.safetensors.index.json"} {
		shardOf["a"] = name
		require.Contains(t, fault(t, index(t, dir, shardOf)), "the index names the shard")
	}
	outside := write(t, t.TempDir(), "x.safetensors", map[string]*ir.Tensor{"a": vector(5)}, nil)
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link.safetensors")))
	shardOf["a"] = "link.safetensors"
	require.Contains(t, fault(t, index(t, dir, shardOf)), "outside the index's folder")
}

// A cache of downloads has links to files in a folder beside: of the shards, and of the
// index.
func TestShardsMayLieWhereALinkedIndexLies(t *testing.T) {
	dir, shardOf := sharded(t)
	blobs, snapshot := filepath.Join(dir, "blobs"), filepath.Join(dir, "snapshot")
	require.NoError(t, os.Mkdir(blobs, 0o777))
	require.NoError(t, os.Mkdir(snapshot, 0o777))
	path := index(t, dir, shardOf)
	for i, name := range []string{first, second, filepath.Base(path)} {
		blob := filepath.Join(blobs, fmt.Sprint("blob", i))
		require.NoError(t, os.Rename(filepath.Join(dir, name), blob))
		require.NoError(t, os.Symlink(filepath.Join("..", "blobs", filepath.Base(blob)), filepath.Join(snapshot, name)))
	}
	f := opened(t, filepath.Join(snapshot, filepath.Base(path)))
	require.Equal(t, []string{"a", "b", "c"}, f.Names())
}

func TestOneShardPointsAtItsIndex(t *testing.T) {
	dir, shardOf := sharded(t)
	require.Equal(t, filepath.Join(dir, first)+" is shard 1 of 2, and there is no index beside it: "+
		"model.safetensors.index.json says which tensor is in which shard; fetch it with all shards", fault(t, filepath.Join(dir, first)))
	path := index(t, dir, shardOf)
	require.Equal(t, filepath.Join(dir, second)+" is shard 2 of 2: name the index, "+path, fault(t, filepath.Join(dir, second)))

	f, err := weights.OpenPart(nil, filepath.Join(dir, second))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "c", "d"}, f.Names())
	require.Contains(t, f.Note(), "is shard 2 of 2: name the index")
	require.NoError(t, f.Close())

	whole := write(t, dir, "model-00001-of-00001.safetensors", map[string]*ir.Tensor{"a": vector(1)}, nil)
	require.Empty(t, opened(t, whole).Note(), "the only shard is the whole")
}

func TestDamagedIndexesAreNamed(t *testing.T) {
	dir, _ := sharded(t)
	for text, want := range map[string]string{
		`{}`:                                `it is JSON, but no index of weights: it has no "weight_map"`,
		`{"weight_map": {}}`:                "the index names no tensors",
		`{"weight_map": []}`:                "weight_map: expected an object at byte 16, got a list",
		`{"weight_map": null}`:              "weight_map: expected an object at byte 19, got null",
		`{"weight_map": "x"}`:               `weight_map: expected an object at byte 18, got the string "x"`,
		`{"weight_map": {"a": 1}}`:          `the tensor "a" has 1; expected the name of a file`,
		`{"weight_map": {"a": true}}`:       `the tensor "a" has true; expected the name of a file`,
		`{"weight_map": {"a": null}}`:       `the tensor "a" has null; expected the name of a file`,
		`{"weight_map": {"a": ["x"]}}`:      `the tensor "a" has a list; expected the name of a file`,
		`{"weight_map": {"a": {"x": 1}}}`:   `the tensor "a" has an object; expected the name of a file`,
		`{"weight_map": {"a": "x"`:          "the index can't be read: weight_map: unexpected EOF",
		`{"weight_map": {"a": "x"}} x`:      "the index can't be read",
		`{"weight_map": {"a":"x","a":"y"}`:  `the tensor "a" appears twice, in "x" and "y"`,
		`{"a": {}, "a": {}}`:                `"a" appears twice`,
		"{\"weight_map\": {\"\xff\": \"\"}": "the index is not UTF-8",
		`{"weight_map": {"a": "` + strings.Repeat("x", 300) + `"}}`: "which isn't the name of a file in its folder",
		`{"x": ` + strings.Repeat("[", 20000):                       "the index can't be read",
	} {
		message := fault(t, put(t, dir, "x.safetensors.index.json", text))
		require.Contains(t, message, want, text)
		require.Less(t, len(message), 1500)
	}
	many := map[string]string{}
	for i := range 1001 {
		many[fmt.Sprint(i)] = fmt.Sprint(i)
	}
	require.Contains(t, fault(t, index(t, dir, many)), "the index has 1001 shards; the limit is 1000")
}

// The name of a file says nothing: an index is JSON, and a safetensors file isn't, also
// where its length begins with a brace.
func TestAnIndexIsKnownByItsContent(t *testing.T) {
	dir, shardOf := sharded(t)
	require.NoError(t, os.Rename(index(t, dir, shardOf), filepath.Join(dir, "weights.safetensors")))
	require.Len(t, opened(t, filepath.Join(dir, "weights.safetensors")).Shards(), 2)

	header := "{}" + strings.Repeat(" ", '{'-2)
	path := put(t, dir, "brace.safetensors", "{\x00\x00\x00\x00\x00\x00\x00"+header)
	require.Empty(t, opened(t, path).Names())
}

func TestShardsAreOpenedWhereTheOpenerAllows(t *testing.T) {
	dir, shardOf := sharded(t)
	path := index(t, dir, shardOf)
	confined := func(p string) (*os.File, error) { return files.OpenWithin([]string{dir}, p) }
	f, err := weights.Open(confined, path)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	elsewhere := func(p string) (*os.File, error) {
		if p != path {
			return nil, fmt.Errorf("%s isn't allowed", p)
		}
		return files.Open(p)
	}
	_, err = weights.Open(elsewhere, path)
	require.ErrorContains(t, err, first+" isn't allowed")
}

func TestWhatWasLearnedIsThatOfTheIndexAndItsShards(t *testing.T) {
	dir, shardOf := sharded(t)
	facts := map[string]string{weights.LearnedKey: `{"x":{"mean":[1]}}`}
	write(t, dir, second, map[string]*ir.Tensor{"c": vector(4)}, facts)
	path := index(t, dir, shardOf)
	require.Equal(t, facts[weights.LearnedKey], opened(t, path).Learned())

	other := map[string]string{weights.LearnedKey: `{"x":{"mean":[2]}}`}
	write(t, dir, first, map[string]*ir.Tensor{"a": vector(1), "b": vector(2, 3)}, other)
	require.Contains(t, fault(t, path), `the shard "`+first+`" and the shard "`+second+`" know different things of the data`)
	write(t, dir, first, map[string]*ir.Tensor{"a": vector(1), "b": vector(2, 3)}, facts)
	require.Equal(t, facts[weights.LearnedKey], opened(t, path).Learned())
}

// Two programs write the same facts in two ways.
func TestWhatWasLearnedIsComparedByItsMeaning(t *testing.T) {
	dir, shardOf := sharded(t)
	write(t, dir, first, map[string]*ir.Tensor{"a": vector(1), "b": vector(2, 3)}, map[string]string{weights.LearnedKey: `{"x": {"std": [2.0], "mean": [1e0]}, "y": {"classes": ["é"]}}`})
	write(t, dir, second, map[string]*ir.Tensor{"c": vector(4)}, map[string]string{weights.LearnedKey: `{"y":{"classes":["\u00e9"]},"x":{"mean":[1],"std":[2]}}`})
	require.JSONEq(t, `{"x": {"mean": [1], "std": [2]}, "y": {"classes": ["é"]}}`, opened(t, index(t, dir, shardOf)).Learned())

	write(t, dir, second, map[string]*ir.Tensor{"c": vector(4)}, map[string]string{weights.LearnedKey: `{"y": 3}`})
	require.Contains(t, fault(t, index(t, dir, shardOf)), `the shard "`+second+`": what the weights know of their data can't be read`)
}

func TestATensorInAnotherShardIsFound(t *testing.T) {
	dir, shardOf := sharded(t)
	shardOf["b"], shardOf["e"] = second, first
	message := fault(t, index(t, dir, shardOf))
	require.Contains(t, message, `the tensor "b" isn't in "`+second+`" but in "`+first+`"`)
	require.Contains(t, message, `the tensor "e" isn't in "`+first+`"`)
	require.NotContains(t, message, `"e" isn't in "`+first+`" but`)
}

// The sizes of others' indexes are often wrong, so that is told and no error.
func TestASizeThatTheTensorsDoNotHaveIsTold(t *testing.T) {
	dir, shardOf := sharded(t)
	text, err := json.Marshal(shardOf)
	require.NoError(t, err)
	for size, want := range map[string]string{
		"16": "", "17": "the index says that the tensors have 17 bytes (total_size), and they have 16", `"16"`: "", "-1": "have -1 bytes",
		"99999999999999999999": "", "16.0": "", "null": "", "[]": "",
	} {
		note := opened(t, put(t, dir, "model.safetensors.index.json", `{"metadata": {"total_size": `+size+`}, "weight_map": `+string(text)+`}`)).Note()
		if want == "" {
			require.Empty(t, note, size)
		}
		require.Contains(t, note, want, size)
	}
}

func TestAnIndexMayBeginWithAByteOrderMark(t *testing.T) {
	dir, shardOf := sharded(t)
	path := index(t, dir, shardOf)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, opened(t, put(t, dir, "bom.json", "\ufeff"+string(text))).Shards(), 2)
}

// A download may end anywhere.
func TestEveryBeginningOfAnIndexIsAnError(t *testing.T) {
	dir, shardOf := sharded(t)
	text, err := os.ReadFile(index(t, dir, shardOf))
	require.NoError(t, err)
	for n := range len(text) {
		require.NotEmpty(t, fault(t, put(t, dir, "cut.json", string(text[:n]))), n)
	}
}
