package csv_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/csv"
	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/internal/tabletest"
)

func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	allocated := func(rows int) uint64 {
		var content bytes.Buffer
		content.WriteString("a,b,c\n")
		for i := range rows {
			fmt.Fprintf(&content, "%d.5,%d,%s\n", i, -i, []string{"red", "\"dark \"\"blue\"\"\""}[i%2])
		}
		path := filepath.Join(t.TempDir(), "a.csv")
		require.NoError(t, os.WriteFile(path, content.Bytes(), 0o600))
		in := tabletest.Input(decl(t, "x f32[2] columns=a,b\ny i64[] column=c classes=2"), path)
		in.Prepare = prepared.In(t.TempDir()).Prepare(func(string) {})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		opened, err := csv.Kind.Open(context.Background(), in)
		require.NoError(t, err)
		runtime.ReadMemStats(&after)
		require.Equal(t, int64(rows), opened.Len())
		require.NoError(t, opened.Close())
		return after.TotalAlloc - before.TotalAlloc
	}
	small, large := allocated(50_000), allocated(800_000)
	// What grows is the checksums of what is kept on disk, 4 bytes for every 4 KiB, and
	// what garbage of a row costs would be more than these bytes for each.
	require.Less(t, large-min(small, large), uint64(750_000))
}
