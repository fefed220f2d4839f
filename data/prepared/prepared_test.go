package prepared

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/internal/cache"
	"github.com/flowrun/flowrun/ir"
)

// model is what a prepared table should contain.
type model struct {
	columns []table.Column
	values  [][][]byte // by example and field
	origins []int64
}

// drawn makes a table of n examples.
func drawn(columns []table.Column, n int, seed uint64) *model {
	r := rand.New(rand.NewPCG(seed, 1))
	m := &model{columns: columns}
	for range n {
		var example [][]byte
		for _, c := range columns {
			v := make([]byte, c.Type.Bytes())
			for i := range v {
				v[i] = byte(r.Uint32())
			}
			example = append(example, v)
		}
		m.values = append(m.values, example)
		m.origins = append(m.origins, r.Int64N(1<<originBits))
	}
	return m
}

// fill writes it.
func (m *model) fill(w table.Writer) error {
	w.Files([]string{"a.csv", "b\xff.csv"})
	for i, example := range m.values {
		if err := w.Append(bytes.Join(example, nil), i%2, m.origins[i]); err != nil {
			return err
		}
	}
	for i, c := range m.columns {
		if c.Type.DType == ir.I32 {
			w.Texts(i, []string{"", "\xff\x00", "é"})
		}
	}
	w.Note("2 rows were dropped")
	return nil
}

func columnOf(d ir.DType, shape ...int) table.Column {
	return table.Column{Type: ir.Type{DType: d, Shape: shape}}
}

// requireSame compares a table with what it should contain.
func requireSame(t require.TestingT, m *model, got table.Prepared, rows []int64) {
	require.Equal(t, int64(len(m.values)), got.Len())
	require.Equal(t, []string{"2 rows were dropped"}, got.Notes())
	for f, c := range m.columns {
		require.Equal(t, c.Type, got.Column(f).Type)
		if c.Type.DType == ir.I32 {
			require.Equal(t, []string{"", "\xff\x00", "é"}, got.Column(f).Texts)
		}
		var want []byte
		for _, row := range rows {
			want = append(want, m.values[row][f]...)
		}
		dst := make([]byte, len(want))
		require.NoError(t, got.Read(f, rows, dst))
		require.Truef(t, bytes.Equal(want, dst), "field %d", f)
	}
	for _, row := range rows {
		file, at := got.Origin(row)
		require.Equal(t, []string{"a.csv", "b\xff.csv"}[row%2], file)
		require.Equal(t, m.origins[row], at)
	}
}

// all are the numbers below n.
func all(n int) []int64 {
	rows := make([]int64, n)
	for i := range rows {
		rows[i] = int64(i)
	}
	return rows
}

// requireJoint compares fields that are read together, in any order, with each alone.
func requireJoint(t *rapid.T, got table.Prepared, fields []int, rows []int64) {
	var alone, together [][]byte
	fields = slices.DeleteFunc(fields, func(f int) bool { return f >= len(got.(*Table).columns) })
	for _, f := range fields {
		b := make([]byte, len(rows)*got.Column(f).Type.Bytes())
		require.NoError(t, got.Read(f, rows, b))
		alone, together = append(alone, b), append(together, make([]byte, len(b)))
	}
	joint := got.(table.Joint)
	require.NoError(t, joint.ReadFields(fields, rows, together))
	for i := range fields {
		require.True(t, bytes.Equal(alone[i], together[i]), "field %d", fields[i])
	}
	if len(fields) > 0 {
		require.ErrorContains(t, joint.ReadFields(fields[:1], []int64{got.Len()}, [][]byte{make([]byte, got.Column(fields[0]).Type.Bytes())}), "there is no example")
		require.ErrorContains(t, joint.ReadFields(fields[:1], rows, [][]byte{append(alone[0], 0)}), "examples of")
	}
}

// never fails if it is asked to fill.
func never(table.Writer) error { return errors.New("it is made again") }

// The sizes of records and tables are around those of pages, of what is read at once and
// of what is written at once.
func TestATableIsTheSameWhenItIsMadeAndWhenItIsFound(t *testing.T) {
	folder := t.TempDir()
	number := 0
	rapid.Check(t, func(t *rapid.T) {
		var columns []table.Column
		for range rapid.IntRange(0, 3).Draw(t, "fields") {
			size := rapid.SampledFrom([]int{0, 1, 2, 5, pageSize - originSize, pageSize - 1, pageSize, pageSize + 1, runBytes + 1}).Draw(t, "size")
			columns = append(columns, columnOf(rapid.SampledFrom([]ir.DType{ir.Bool, ir.I32}).Draw(t, "type"), size))
		}
		record := int(recordSize(columns))
		n := rapid.SampledFrom([]int{0, 1, 2, pageSize / record, pageSize/record + 1, runBytes/record + 1, pieceSize / record, pieceSize/record + 1}).Draw(t, "examples")
		m := drawn(columns, n, uint64(number))
		c := In(folder)
		c.small = rapid.SampledFrom([]int64{0, smallTable}).Draw(t, "small")
		number++
		key := fmt.Sprint(number)
		rows := all(n)
		if n > 0 {
			rows = append(rows, rapid.SliceOfN(rapid.Int64Range(0, int64(n)-1), 0, 20).Draw(t, "rows")...)
		}
		for _, fill := range []func(table.Writer) error{m.fill, never} {
			made, err := c.Prepare(nil)(t.Context(), key, columns, fill)
			require.NoError(t, err)
			requireSame(t, m, made, rows)
			requireJoint(t, made, rapid.SliceOfN(rapid.IntRange(0, 2), 0, 4).Draw(t, "together"), rows)
			require.NoError(t, made.Verify())
			if len(columns) > 0 {
				size := columns[0].Type.Bytes()
				require.ErrorContains(t, made.Read(0, []int64{int64(n)}, make([]byte, size)), "there is no example")
				require.ErrorContains(t, made.Read(0, []int64{-1}, make([]byte, size)), "there is no example")
				require.ErrorContains(t, made.Read(0, []int64{0}, make([]byte, size+1)), "bytes for 1 examples")
			}
			require.NoError(t, made.Close())
		}
	})
}

func TestTheKeyCoversTheColumns(t *testing.T) {
	a, b := []table.Column{columnOf(ir.F32, 2)}, []table.Column{columnOf(ir.F32, 1), columnOf(ir.F32, 1)}
	require.NotEqual(t, keyOf("k", a), keyOf("k", b))
	require.NotEqual(t, keyOf("k", a), keyOf("l", a))
	require.Equal(t, keyOf("k", a), keyOf("k", a))
}

var twoFields = []table.Column{columnOf(ir.F32, 3), columnOf(ir.I32)}

// entryOf is the path of a folder's only entry.
func entryOf(t *testing.T, folder string) string {
	t.Helper()
	names, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, names, 1)
	return filepath.Join(folder, names[0].Name())
}

func TestADamagedEntryIsMadeAgain(t *testing.T) {
	folder := t.TempDir()
	m := drawn(twoFields, 300, 1) // two pages of records
	c := In(folder)
	made, err := c.Prepare(nil)(t.Context(), "k", twoFields, m.fill)
	require.NoError(t, err)
	require.NoError(t, made.Close())
	path := entryOf(t, folder)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	try := func(content []byte, what string, at int) {
		t.Helper()
		require.NoError(t, os.WriteFile(path, content, 0o600))
		filled := false
		made, err := c.Prepare(nil)(t.Context(), "k", twoFields, func(w table.Writer) error { filled = true; return m.fill(w) })
		require.NoError(t, err)
		require.Equal(t, !bytes.Equal(whole, content), filled, "%s %d", what, at)
		requireSame(t, m, made, []int64{0, 150, 299})
		require.NoError(t, made.Close())
		again, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(whole, again), "%s %d", what, at)
	}
	try(whole, "nothing is wrong", 0)
	step := max(1, len(whole)/150)
	for cut := 0; cut < len(whole); cut += step {
		try(whole[:cut], "cut at", cut)
	}
	for at := range len(whole) {
		if at%step == 0 || at > len(whole)-footerSize {
			flipped := bytes.Clone(whole)
			flipped[at] ^= 1 << (at % 8)
			try(flipped, "a bit flipped at", at)
		}
	}
	try(append(bytes.Clone(whole), 0), "a byte more", 0)
	swapped := bytes.Clone(whole)
	copy(swapped[:100], whole[pageSize:pageSize+100])
	try(swapped, "bytes of another page", 0)
}

func TestAnEntryOfAnotherKeyIsMadeAgain(t *testing.T) {
	folder := t.TempDir()
	a, b := drawn(twoFields, 10, 1), drawn(twoFields, 10, 2)
	c := In(folder)
	made, err := c.Prepare(nil)(t.Context(), "a", twoFields, a.fill)
	require.NoError(t, err)
	require.NoError(t, made.Close())
	require.NoError(t, os.Rename(entryOf(t, folder), filepath.Join(folder, keyOf("b", twoFields))))
	made, err = c.Prepare(nil)(t.Context(), "b", twoFields, b.fill)
	require.NoError(t, err)
	requireSame(t, b, made, all(10))
	require.NoError(t, made.Close())
}

func TestAnEntryThatIsOverwrittenInUseGivesItsValuesOrAnError(t *testing.T) {
	for _, cut := range []bool{false, true} {
		folder := t.TempDir()
		m := drawn(twoFields, 2000, 1)
		c := In(folder)
		c.small = 0
		made, err := c.Prepare(nil)(t.Context(), "k", twoFields, m.fill)
		require.NoError(t, err)
		defer made.Close()
		path := entryOf(t, folder)
		if cut {
			require.NoError(t, os.Truncate(path, 3*pageSize))
		} else {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte("changed"), 3*pageSize+17)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
		failed := 0
		for row := range int64(2000) {
			dst := make([]byte, 12)
			if err := made.Read(0, []int64{row}, dst); err != nil {
				require.ErrorContains(t, err, "was changed while it was being read, at byte 12288")
				failed++
				if cut {
					break
				}
			} else {
				require.Equal(t, m.values[row][0], dst)
			}
		}
		require.NotZero(t, failed)
		require.ErrorContains(t, made.Verify(), "at byte 12288")
	}
}

func TestWhatCantBeFilledLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	m := drawn(twoFields, 100_000, 1)
	for _, want := range []error{table.ErrFaults, errors.New("line 3: no number")} {
		_, err := In(folder).Prepare(nil)(t.Context(), "k", twoFields, func(w table.Writer) error {
			require.NoError(t, m.fill(w))
			return want
		})
		require.ErrorIs(t, err, want)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	_, err := In(folder).Prepare(nil)(ctx, "k", twoFields, func(w table.Writer) error {
		cancel(stopped)
		return m.fill(w)
	})
	require.ErrorIs(t, err, stopped)
	_, err = In(folder).Prepare(nil)(ctx, "k", twoFields, never)
	require.ErrorIs(t, err, stopped, "before anything is read")
	_, err = In(folder).Prepare(nil)(t.Context(), "k", twoFields, func(w table.Writer) error { return w.Append(make([]byte, 15), 0, 0) })
	require.EqualError(t, err, "an example of 15 bytes for a table whose examples have 16")
	_, err = In(folder).Prepare(nil)(t.Context(), "k", twoFields, func(w table.Writer) error { return w.Append(make([]byte, 16), 0, 1<<originBits) })
	require.ErrorContains(t, err, "rows up to 1099511627776")
	_, err = In(folder).Prepare(nil)(t.Context(), "k", twoFields, func(w table.Writer) error { return w.Hashed("a.csv", "1", "2") })
	require.ErrorContains(t, err, "a.csv: it was changed while it was being read")
	names, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, names)
}

func TestManyMayPrepareAtOnce(t *testing.T) {
	folder := t.TempDir()
	var wg sync.WaitGroup
	for p := range 8 {
		wg.Go(func() {
			for i := range 20 {
				k := (p + i) % 5
				m := drawn(twoFields, 500+k, uint64(k))
				c := In(folder)
				c.folder.Limit = 30_000 // of two or three entries
				made, err := c.Prepare(nil)(t.Context(), fmt.Sprint(k), twoFields, m.fill)
				if err != nil {
					t.Error(err)
					return
				}
				requireSame(t, m, made, all(500+k))
				if err := made.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, cache.Folder{Path: folder}.Total(), int64(8*13_000))
}

func TestTablesUsedLongestAgoAreRemoved(t *testing.T) {
	folder := t.TempDir()
	c := In(folder)
	c.folder.Limit = 50_000
	for k := range 20 {
		m := drawn(twoFields, 500, uint64(k))
		made, err := c.Prepare(nil)(t.Context(), fmt.Sprint(k), twoFields, m.fill)
		require.NoError(t, err)
		require.LessOrEqual(t, c.folder.Total(), c.folder.Limit)
		requireSame(t, m, made, all(500))
		require.NoError(t, made.Close())
	}
	large := drawn(twoFields, 10_000, 1)
	for _, fill := range []func(table.Writer) error{large.fill, never} {
		made, err := c.Prepare(nil)(t.Context(), "large", twoFields, fill)
		require.NoError(t, err, "one that is larger than the limit is kept alone")
		require.NoError(t, made.Close())
	}
	entryOf(t, folder)
}

// An entry's file may contain anything.
func FuzzAnEntryIsWholeOrNone(f *testing.F) {
	folder := f.TempDir()
	m := drawn(twoFields, 3, 1)
	made, err := In(folder).Prepare(nil)(f.Context(), "k", twoFields, m.fill)
	require.NoError(f, err)
	require.NoError(f, made.Close())
	name := keyOf("k", twoFields)
	whole, err := os.ReadFile(filepath.Join(folder, name))
	require.NoError(f, err)
	f.Add(whole)
	f.Add(whole[len(whole)-footerSize:])
	f.Add([]byte(format))
	huge := bytes.Clone(whole)
	for i := range 24 { // the numbers of the footer
		huge[len(huge)-footerSize+len(format)+i] = 0x7f
	}
	f.Add(huge)
	records := 3 * int(recordSize(twoFields))
	f.Fuzz(func(t *testing.T, content []byte) {
		_, _, _, err := load(bytes.NewReader(content), int64(len(content)), name, recordSize(twoFields))
		if err == nil {
			require.Equal(t, whole[records:], content[records:], "only the records can differ, and they have checksums")
		}
	})
}
