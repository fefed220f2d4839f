package text_test

import (
	"context"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/data"
	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/data/text"
	"github.com/flowrun/flowrun/ir"
)

type anywhere struct{}

func (anywhere) Open(path string) (*os.File, error)                    { return os.Open(path) }
func (anywhere) Stat(path string) (fs.FileInfo, error)                 { return os.Stat(path) }
func (anywhere) List(_ context.Context, path string) ([]string, error) { return []string{path}, nil }

// declare declares x and the characters that follow it, of a file with a content.
func declare(t *testing.T, content string, length int, options table.Options) *table.Decl {
	path := filepath.Join(t.TempDir(), "book.txt")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	options["tokens"] = table.Option{Value: "characters"}
	vector := ir.Type{DType: ir.I64, Shape: ir.Shape{length}}
	d := &table.Decl{Name: "book", Kind: "text", Files: []table.File{{Name: "book.txt", Path: path}}, Options: options, Batch: 1,
		Fields: []table.Field{{Name: "x", Type: vector}, {Name: "target", Type: vector, Options: table.Options{"offset": {Value: int64(1)}}}},
		Split:  &table.Split{Parts: []table.Part{{Name: "train", Fraction: 0.5}, {Name: "test", Fraction: 0.5}}, InOrder: true},
	}
	text.Kind.Complete(d)
	require.Empty(t, text.Kind.Check(d))
	return d
}

// ids gives all ids of a field in a part. What is learned is learned from train.
func ids(t require.TestingT, d *table.Decl, part string) (all []int64, known []string) {
	s, err := data.Open(context.Background(), d, nil, data.Options{Files: anywhere{}, Cache: prepared.In(""), Part: part, LearnFrom: "train", InOrder: true})
	require.NoError(t, err)
	for _, c := range s.Facts()["x"].Classes {
		known = append(known, string(c))
	}
	require.Equal(t, s.Facts()["x"], s.Facts()["target"])
	for step := range s.EpochSteps() {
		for _, field := range []string{"x", "target"} {
			dst := make([]byte, 8*d.Fields[0].Type.Shape[0])
			require.NoError(t, s.Batch(step, field, dst))
			for ; len(dst) > 0; dst = dst[8:] {
				all = append(all, int64(binary.LittleEndian.Uint64(dst)))
			}
		}
	}
	require.NoError(t, s.Close())
	return all, known
}

func options(vocabulary int64, more ...int64) table.Options {
	o := table.Options{"vocabulary": {Value: vocabulary}}
	for i, key := range []string{"unknown", "stride"}[:len(more)] {
		o[key] = table.Option{Value: more[i]}
	}
	return o
}

// Each character occurs once, so one that training has seen has an id of its own.
func TestHeldOutTextIsUnseen(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var all strings.Builder
		for i := range rapid.IntRange(40, 400).Draw(r, "characters") {
			all.WriteRune(rune(0x4e00 + i))
		}
		d := declare(t, all.String(), rapid.IntRange(1, 6).Draw(r, "length"), options(1000, 7, rapid.Int64Range(1, 9).Draw(r, "stride")))
		train, known := ids(r, d, "train")
		require.NotContains(r, train, int64(7))
		require.Len(r, slices.Compact(slices.Sorted(slices.Values(train))), len(known))
		test, _ := ids(r, d, "test")
		require.NotEmpty(r, test)
		for _, id := range test {
			require.EqualValues(r, 7, id)
		}
	})
}

func TestTheVocabularyIsInTheOrderOfCodePoints(t *testing.T) {
	d := declare(t, strings.Repeat("béa\n", 20), 4, options(4))
	train, known := ids(t, d, "train")
	require.Equal(t, []string{"\n", "a", "b", "é"}, known)
	require.Equal(t, []int64{2, 3, 1, 0 /* x */, 3, 1, 0, 2 /* target */}, train[:8])
}

func TestOfTooManyCharactersTheMostFrequentHaveIds(t *testing.T) {
	d := declare(t, strings.Repeat("abbccccé", 20), 8, options(3, 0))
	train, known := ids(t, d, "train")
	require.Equal(t, []string{"b", "c"}, known)
	require.Equal(t, []int64{0, 1, 1, 2, 2, 2, 2, 0}, train[:8])
	d = declare(t, strings.Repeat("abbccccé", 20), 8, options(4, 0)) // one a beside one é: the lower code point
	_, known = ids(t, d, "train")
	require.Equal(t, []string{"a", "b", "c"}, known)

	_, err := data.Open(context.Background(), declare(t, strings.Repeat("abbccccé", 20), 8, options(3)), nil, data.Options{Files: anywhere{}, Cache: prepared.In("")})
	require.ErrorContains(t, err, `may have 3 different values, and the training data has 4: "a", "b", "c", "é"`)
}

func TestACharacterThatTrainingLacksIsNamedWithItsPlace(t *testing.T) {
	d := declare(t, strings.Repeat("ab\n", 20)+"abа\nab\nab\n", 3, options(9)) // the last is Cyrillic
	_, err := data.Open(context.Background(), d, nil, data.Options{Files: anywhere{}, Cache: prepared.In(""), Part: "test", LearnFrom: "train"})
	require.EqualError(t, err, d.Files[0].Path+`:21:3: "а" (U+0430) is none of the 3 values of the field x that the training data has: "\n", "a", "b"; declare an id for unknown ones, or remove it`)
}

// Fields with a gap between them: what lies in the gap belongs to windows that share
// nothing with the first, and is learned too.
func TestTheVocabularyHasTheCharactersOfAllWindows(t *testing.T) {
	var all strings.Builder
	for i := range 200 {
		all.WriteRune(rune(0x4e00 + i))
	}
	d := declare(t, all.String(), 3, options(1000))
	d.Options["stride"] = table.Option{Value: int64(1)}
	d.Fields[1].Options["offset"] = table.Option{Value: int64(60)}
	d.Split = nil
	s, err := data.Open(context.Background(), d, nil, data.Options{Files: anywhere{}, Cache: prepared.In("")})
	require.NoError(t, err)
	require.Len(t, s.Facts()["x"].Classes, 200)
	require.NoError(t, s.Close())
}
