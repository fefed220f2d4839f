package data

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/internal/files"
	"github.com/flowrun/flowrun/internal/racetest"
	"github.com/flowrun/flowrun/ir"
)

// anyFile opens whatever there is.
type anyFile struct{}

func (anyFile) Open(path string) (*os.File, error) { return files.Open(path) }
func (anyFile) List(_ context.Context, path string) ([]string, error) {
	return []string{path}, nil
}
func (anyFile) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }

// points declares a CSV file of three columns.
func points(path string) *table.Decl {
	option := func(v any) table.Option { return table.Option{Value: v} }
	d := &table.Decl{Name: "points", Kind: "csv", Batch: 32, Shuffle: true,
		Files:   []table.File{{Name: path, Path: path}},
		Options: table.Options{"header": option(true)},
		Fields: []table.Field{
			{Name: "x", Type: ir.Type{DType: ir.F32, Shape: ir.Shape{2}}, Options: table.Options{"columns": option([]string{"a", "b"})}, Normalize: table.PerElement},
			{Name: "y", Type: ir.Scalar(ir.I64), Options: table.Options{"column": option("class")}, Classes: &table.Classes{Count: 3, Unknown: -1}},
		},
		Split: &table.Split{Parts: []table.Part{{Name: "train", Fraction: 0.8}, {Name: "test", Fraction: 0.2}}, Stratify: "y"},
	}
	for _, k := range KindOf("csv").Keys { // as the decoder does
		if _, given := d.Options[k.Name]; given || k.Default == "" {
			continue
		}
		switch k.Form {
		case table.FormBool:
			d.Options[k.Name] = option(k.Default == "true")
		case table.FormText, table.FormCharacter, table.FormChoice:
			d.Options[k.Name] = option(strings.Trim(k.Default, `"`))
		}
	}
	return d
}

func TestACSVLargerThanWhatIsUsedOfMemoryIsReadInAnyOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 60 MB; -short leaves it out")
	}
	if racetest.Enabled {
		t.Skip("the race detector needs memory of its own")
	}
	const n = 2_000_000
	folder := t.TempDir()
	path := filepath.Join(folder, "points.csv")
	f, err := os.Create(path)
	require.NoError(t, err)
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "a,b,class")
	for i := range n {
		fmt.Fprintf(w, "%d.25,%d,class %d\n", i%1000, 2*i, i%3)
	}
	require.NoError(t, w.Flush())
	require.NoError(t, f.Close())

	const limit = 32 << 20
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	peak := uint64(0)
	look := func() {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapInuse)
	}
	look()
	before := peak
	cache := prepared.In(filepath.Join(folder, "cache"))
	for range 2 { // made, and found
		s := opened(t, points(path), nil, Options{Files: anyFile{}, Cache: cache, Part: "train"})
		require.InDelta(t, n/10*8, s.Examples(), 3)
		require.InDelta(t, 499.75, s.Facts()["x"].Mean[0], 1)
		require.InDelta(t, n, s.Facts()["x"].Mean[1], n/100)
		ids := make([]byte, 32*8)
		for step := range int64(2000) {
			require.NoError(t, s.Batch(step, "y", ids))
			if step%200 != 0 {
				continue
			}
			look()
			places, err := s.Places(step, "y")
			require.NoError(t, err)
			for i, id := range int64s(ids) {
				require.Equal(t, (places[i].Row-2)%3, id)
			}
		}
	}
	t.Logf("%d MiB in use at most", (peak-before)>>20)
	require.Less(t, peak-before, uint64(limit))
}
