package safetensors

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/flowrun/flowrun/ir"
)

func checked(t *testing.T) (path string, content []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, WriteWith(path, map[string]*ir.Tensor{
		"h.weight": ir.FromFloat32(ir.Shape{2, 2}, []float32{1, -2, 0.5, 1e-3}),
		"on":       ir.FromInt64(ir.Bool, ir.Shape{2}, []int64{1, 0}),
	}, map[string]string{"flowrun.spec": "[]"}))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return path, content
}

func TestEveryFlippedBitIsDetected(t *testing.T) {
	path, content := checked(t)
	for bit := range 8 * len(content) {
		content[bit/8] ^= 1 << (bit % 8)
		require.NoError(t, os.WriteFile(path, content, 0o666))
		content[bit/8] ^= 1 << (bit % 8)
		_, err := Read(path)
		require.Error(t, err, "bit %d of byte %d", bit%8, bit/8)
		require.ErrorContains(t, err, path+": ")
		if file, err := Open(path); err == nil { // the header is intact: reading rows must detect it too
			require.ErrorIs(t, file.Verify(), errDamaged)
			require.NoError(t, file.Close())
		}
	}
}

func TestAnIntactFilePasses(t *testing.T) {
	path, _ := checked(t)
	f, err := Open(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Verify())
	_, err = f.All()
	require.NoError(t, err)
}

func TestAFileWithoutChecksumsIsAccepted(t *testing.T) {
	f, err := Open("testdata/python.safetensors")
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, f.Verify())
}

func TestRenamedTensorsAreDetected(t *testing.T) {
	path, content := checked(t)
	text := strings.Replace(string(content), `"h.weight"`, `"w.height"`, 1)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
	_, err := Open(path)
	require.ErrorContains(t, err, "the checksum of its header is")
	require.ErrorContains(t, err, "was changed by another program that kept flowrun's metadata")
}

func TestTheUsersMetadataCannotReplaceTheChecksum(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	require.NoError(t, WriteWith(path, one, map[string]string{checksumKey: "mine"}))
	_, err := Read(path)
	require.NoError(t, err)
}
