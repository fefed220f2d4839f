package prepared

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/flowrun/flowrun/data/table"
	"github.com/flowrun/flowrun/ir"
)

// snapshotOf writes a file and opens it.
func snapshotOf(t testing.TB, content []byte) (*Snapshot, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.bin")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	s, err := NewSnapshot(t.Context(), f, "x.bin")
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s, path
}

func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	c := rand.NewChaCha8([32]byte{byte(seed)})
	_, _ = c.Read(b)
	return b
}

// sizes are around those of pages and of what is read at once.
var sizes = []int{0, 1, pageSize - 1, pageSize, pageSize + 1, 3 * pageSize, pieceSize - 1, pieceSize, pieceSize + 1, 2*pieceSize + 5}

func TestASnapshotReadsWhatIsInTheFile(t *testing.T) {
	for _, n := range sizes {
		content := noise(n, 1)
		s, _ := snapshotOf(t, content)
		require.Equal(t, int64(n), s.Size())
		require.Equal(t, hashed(content), s.Hash())
		require.NoError(t, s.Verify())
		rapid.Check(t, func(t *rapid.T) {
			at := rapid.IntRange(0, n+1).Draw(t, "at")
			dst := make([]byte, rapid.IntRange(0, n+1).Draw(t, "length"))
			got, err := s.ReadAt(dst, int64(at))
			want := content[min(at, n):min(at+len(dst), n)]
			require.Equal(t, len(want), got)
			require.Equal(t, want, dst[:got])
			if at+len(dst) > n || at == n {
				require.ErrorIs(t, err, io.EOF)
			} else {
				require.NoError(t, err)
			}
		})
		_, err := s.ReadAt(make([]byte, 1), -1)
		require.ErrorContains(t, err, "there is no byte -1")
	}
}

func TestAFileThatIsChangedInUseGivesOldValuesOrAnError(t *testing.T) {
	for _, n := range sizes {
		for _, at := range []int{0, n / 2, n - 1} {
			if at < 0 || at >= n {
				continue
			}
			content := noise(n, 1)
			s, path := snapshotOf(t, content)
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteAt([]byte{content[at] ^ 1}, int64(at))
			require.NoError(t, err)
			require.NoError(t, f.Close())
			failed := false
			for page := 0; page < n; page += pageSize / 2 {
				dst := make([]byte, min(pageSize/2, n-page))
				if _, err := s.ReadAt(dst, int64(page)); err != nil {
					failed = true
					require.ErrorContains(t, err, "x.bin: it was changed while it was being read, at byte ")
				} else {
					require.Equal(t, content[page:page+len(dst)], dst)
				}
			}
			require.True(t, failed)
			require.ErrorIs(t, s.Verify(), errSum)
		}
	}
}

func TestAFileThatIsCutInUseGivesOldValuesOrAnError(t *testing.T) {
	content := noise(3*pageSize+5, 1)
	for _, left := range []int64{0, 1, pageSize, pageSize + 1, 3*pageSize + 4} {
		s, path := snapshotOf(t, content)
		require.NoError(t, os.Truncate(path, left))
		dst := make([]byte, len(content))
		_, err := s.ReadAt(dst, 0)
		require.ErrorContains(t, err, "it has become shorter")
		if left >= pageSize {
			_, err := s.ReadAt(dst[:pageSize], 0)
			require.NoError(t, err)
			require.Equal(t, content[:pageSize], dst[:pageSize])
		}
	}
}

func TestAFileThatGrowsOrIsReplacedKeepsItsContent(t *testing.T) {
	content := noise(pageSize+5, 1)
	s, path := snapshotOf(t, content)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.Write(noise(pageSize, 2))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, s.Verify())
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, noise(pageSize, 3), 0o600))
	dst := make([]byte, len(content))
	_, err = s.ReadAt(dst, 0)
	require.NoError(t, err)
	require.Equal(t, content, dst)
}

func TestOpeningASnapshotCanBeStopped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.bin")
	require.NoError(t, os.WriteFile(path, noise(10, 1), 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	_, err = NewSnapshot(ctx, f, "x.bin")
	require.ErrorIs(t, err, stopped)
	s, err := NewSnapshot(t.Context(), f, "x.bin")
	require.NoError(t, err)
	require.Equal(t, int64(10), s.Size())
}

func BenchmarkSnapshot(b *testing.B) {
	s, path := snapshotOf(b, noise(256<<20, 1))
	b.Run("open", func(b *testing.B) {
		b.SetBytes(s.Size())
		for b.Loop() {
			f, err := os.Open(path)
			require.NoError(b, err)
			s, err := NewSnapshot(b.Context(), f, path)
			require.NoError(b, err)
			require.NoError(b, s.Close())
		}
	})
	b.Run("read", func(b *testing.B) {
		b.SetBytes(s.Size())
		for b.Loop() {
			require.NoError(b, s.Verify())
		}
	})
	b.Run("examples", func(b *testing.B) { // 784 bytes each, anywhere
		b.SetBytes(784)
		dst := make([]byte, 784)
		for b.Loop() {
			_, err := s.ReadAt(dst, rand.Int64N(s.Size()-784))
			require.NoError(b, err)
		}
	})
}

func BenchmarkTable(b *testing.B) {
	columns := []table.Column{columnOf(ir.F32, 4), columnOf(ir.I64)}
	folder := b.TempDir()
	const n = 4_000_000
	example := make([]byte, 24)
	fill := func(w table.Writer) error {
		for i := range int64(n) {
			if err := w.Append(example, 0, i); err != nil {
				return err
			}
		}
		return nil
	}
	i := 0
	b.Run("make", func(b *testing.B) {
		b.SetBytes(n * 32)
		for b.Loop() {
			i++
			t, err := In(folder).Prepare(nil)(b.Context(), string(rune('a'+i)), columns, fill)
			require.NoError(b, err)
			require.NoError(b, t.Close())
		}
	})
	b.Run("find", func(b *testing.B) {
		b.SetBytes(n * 32)
		for b.Loop() {
			t, err := In(folder).Prepare(nil)(b.Context(), "b", columns, never)
			require.NoError(b, err)
			require.NoError(b, t.Close())
		}
	})
	t, err := In(folder).Prepare(nil)(b.Context(), "b", columns, fill)
	require.NoError(b, err)
	defer t.Close()
	b.Run("shuffled", func(b *testing.B) { // 64 examples of 16 bytes
		rows, dst := make([]int64, 64), make([]byte, 64*16)
		b.SetBytes(64 * 16)
		b.ReportAllocs()
		for b.Loop() {
			for i := range rows {
				rows[i] = rand.Int64N(n)
			}
			require.NoError(b, t.Read(0, rows, dst))
		}
	})
	b.Run("in order", func(b *testing.B) {
		rows, dst := make([]int64, 64), make([]byte, 64*16)
		b.SetBytes(64 * 16)
		next := int64(0)
		for b.Loop() {
			for i := range rows {
				rows[i] = (next + int64(i)) % n
			}
			next += 64
			require.NoError(b, t.Read(0, rows, dst))
		}
	})
}
