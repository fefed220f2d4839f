package prepared

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// plainFiles opens any file.
type plainFiles struct{}

func (plainFiles) Open(path string) (*os.File, error)                    { return os.Open(path) }
func (plainFiles) Stat(path string) (fs.FileInfo, error)                 { return os.Stat(path) }
func (plainFiles) List(_ context.Context, path string) ([]string, error) { return []string{path}, nil }

func TestALibraryHasMoreFilesThanAreOpen(t *testing.T) {
	const n = 3*mostOpen + 1
	l := NewLibrary(plainFiles{})
	folder := t.TempDir()
	var books []*Snapshot
	for i := range n {
		path := filepath.Join(folder, fmt.Sprint(i))
		require.NoError(t, os.WriteFile(path, fmt.Append(nil, "content ", i), 0o600))
		s, err := l.Open(context.Background(), path)
		require.NoError(t, err)
		books = append(books, s)
		require.LessOrEqual(t, len(l.open), mostOpen)
	}
	var readers sync.WaitGroup
	for r := range 4 {
		readers.Go(func() {
			for k := range 2 * n {
				i := (k*(2*r+1) + r) % n
				dst := make([]byte, books[i].Size())
				_, err := books[i].ReadAt(dst, 0)
				if err != nil || string(dst) != fmt.Sprint("content ", i) {
					t.Errorf("file %d is %q: %v", i, dst, err)
				}
			}
		})
	}
	readers.Wait()
	require.Len(t, l.open, mostOpen)

	// One that is closed at the moment and replaced.
	closed := 0
	for books[closed].file.(*book).file != nil {
		closed++
	}
	require.NoError(t, os.WriteFile(books[closed].Path(), fmt.Append(nil, "CONTENT ", closed), 0o600))
	_, err := books[closed].ReadAt(make([]byte, 3), 0)
	require.ErrorContains(t, err, "it was changed while it was being read")

	for _, s := range books {
		require.NoError(t, s.Close())
	}
	require.Empty(t, l.open)
	_, err = books[0].ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, os.ErrClosed)
}

func TestALibraryOpensOnlyWhatIsThere(t *testing.T) {
	l := NewLibrary(plainFiles{})
	_, err := l.Open(context.Background(), filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Empty(t, l.open)
}
