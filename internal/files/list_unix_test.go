//go:build unix

package files

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatMatchesAndIsNoFileIsAnError(t *testing.T) {
	dir := tree(t, "a.csv", "sub/b.csv", ".hidden/c.csv")
	list := func(pattern string) ([]string, error) {
		return ListWithin(context.Background(), []string{dir}, filepath.Join(dir, pattern))
	}
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, ".hidden", "pipe"), 0o600))
	got, err := list("")
	require.NoError(t, err, "hidden")
	require.Len(t, got, 2)
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "sub", "pipe.csv"), 0o600))
	for _, pattern := range []string{"", "sub", "sub/*", "**/*.csv", "sub/pipe.csv"} {
		_, err = list(pattern)
		require.ErrorContains(t, err, "not a regular file but a pipe", pattern)
		require.ErrorContains(t, err, "pipe.csv")
	}
	got, err = list("*.csv")
	require.NoError(t, err)
	require.Len(t, got, 1)
	link(t, "nowhere", filepath.Join(dir, "sub", "gone.csv"))
	_, err = list("sub/g*")
	require.ErrorContains(t, err, "gone.csv is a link to nowhere: file does not exist")
}

func TestAFolderWhoseNameIsNotUTF8IsNamed(t *testing.T) {
	dir := tree(t, "a.csv")
	if os.Mkdir(filepath.Join(dir, "caf\xe9"), 0o700) != nil {
		t.Skip("this file system has no such names")
	}
	_, err := ListWithin(context.Background(), []string{dir}, dir)
	require.ErrorContains(t, err, `"caf\xe9" is not UTF-8`)
}
