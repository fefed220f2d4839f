package csv_test

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/data/csv"
	"github.com/flowrun/flowrun/data/prepared"
	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/internal/tabletest"
)

const declared = "missing=?\nx f32[2] columns=a,b fill=drop\ny i64[] column=c classes=2"

// kept opens files with a cache, and gives the table and its notes.
func kept(t *testing.T, folder string, paths ...string) (table.Table, []string) {
	in := tabletest.Input(decl(t, declared), paths...)
	in.Prepare = prepared.In(folder).Prepare(func(string) {})
	var notes []string
	in.Note = func(note string) { notes = append(notes, note) }
	opened, err := csv.Kind.Open(context.Background(), in)
	require.NoError(t, err)
	t.Cleanup(func() { opened.Close() })
	return opened, notes
}

func TestAKeptTableSaysAgainWhatItDropped(t *testing.T) {
	folder := t.TempDir()
	paths := written(t, "a,b,c\n1,2,x\n?,3,y\n", "c,b,a\nz,5,4\n")
	first, notes := kept(t, folder, paths...)
	require.Equal(t, []string{paths[0] + ` and 1 other file: 1 of 3 rows is dropped (fill: drop); missing values: 1 in "a"`}, notes)

	// The same content elsewhere is the same table, with places in the files as they are now.
	var moved []string
	for _, path := range paths {
		require.NoError(t, os.Rename(path, path+".moved"))
		moved = append(moved, path+".moved")
	}
	second, again := kept(t, folder, moved...)
	require.Equal(t, first.Fingerprint(), second.Fingerprint())
	require.Equal(t, []string{moved[0] + ` and 1 other file: 1 of 3 rows is dropped (fill: drop); missing values: 1 in "a"`}, again)
	for _, opened := range []table.Table{first, second} {
		require.Equal(t, []float64{1, 2, 4, 5}, tabletest.Floats(t, opened, 0))
		require.Equal(t, []string{"x", "z"}, tabletest.Texts(t, opened, 1))
		require.NoError(t, opened.Verify())
	}
	require.Equal(t, table.Place{File: moved[1], Row: 2, Column: "c"}, second.At(1, 1))
	require.Equal(t, table.Place{File: moved[1], Row: 2, Column: "b"}, second.(table.Sequenced).ElementAt(1, 0, 1))

	// Other content under the same name is another table.
	require.NoError(t, os.WriteFile(moved[1], []byte("c,b,a\nz,5,6\n"), 0o600))
	third, _ := kept(t, folder, moved...)
	require.NotEqual(t, first.Fingerprint(), third.Fingerprint())
	require.Equal(t, []float64{1, 2, 6, 5}, tabletest.Floats(t, third, 0))
}

func TestATableWithFaultsIsNotKept(t *testing.T) {
	folder := t.TempDir()
	paths := written(t, "a,b,c\n1,2,x\nbad,3,y\n")
	for range 2 {
		in := tabletest.Input(decl(t, declared), paths...)
		in.Prepare = prepared.In(folder).Prepare(func(string) {})
		faults := 0
		in.Fault = func(*table.Fault) error { faults++; return nil }
		_, err := csv.Kind.Open(context.Background(), in)
		require.ErrorIs(t, err, table.ErrFaults)
		require.Equal(t, 1, faults)
	}
}
