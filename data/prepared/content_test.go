package prepared

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// hashed is a content hash by its definition.
func hashed(content []byte) string {
	all := fmt.Appendf(nil, "flowrun content 1\n")
	size := uint64(len(content))
	for range 8 {
		all = append(all, byte(size))
		size >>= 8
	}
	for len(content) > 0 {
		n := min(len(content), 256<<10)
		sum := sha256.Sum256(content[:n])
		all = append(all, sum[:]...)
		content = content[n:]
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:])
}

func TestAContentHasTheSameHashHoweverItIsRead(t *testing.T) {
	const piece = 256 << 10
	g := rand.New(rand.NewPCG(1, 2))
	content := noise(12*piece+1, 3)
	for _, size := range []int{0, 1, 4095, 4096, piece - 1, piece, piece + 1, 2 * piece, 3*piece + 5, len(content)} {
		content := content[:size]
		want := hashed(content)
		require.Equal(t, want, HashOf(content), size)
		s, _ := snapshotOf(t, content)
		require.Equal(t, want, s.Hash(), size)
		for _, most := range []int{1 << 10, piece, 3*piece + 7} {
			h := NewContentHash()
			for rest := content; len(rest) > 0; {
				n := min(len(rest), 1+g.IntN(most))
				p := append([]byte(nil), rest[:n]...)
				_, err := h.Write(p)
				require.NoError(t, err)
				clear(p) // it may be used again at once
				rest = rest[n:]
			}
			require.Equal(t, want, h.String(), "%d bytes in pieces of up to %d", size, most)
		}
	}
}

func TestAContentHashIsWhatPythonsHashlibMakesOfItsDefinition(t *testing.T) {
	content := make([]byte, 600_000)
	for i := range content {
		content[i] = byte(i % 251)
	}
	require.Equal(t, "7f8160cda53bf66e6c74e471e2f9c64751e69c5c5626e671fef2bcb467eab4fd", HashOf(content))
}

func TestMovingABytePastAPieceOrTheEndIsAnotherContent(t *testing.T) {
	const piece = 256 << 10
	zeros := make([]byte, 2*piece+1)
	hashes := map[string]int{}
	for _, size := range []int{0, 1, 2, piece - 1, piece, piece + 1, 2*piece - 1, 2 * piece, 2*piece + 1} {
		h := HashOf(zeros[:size])
		require.NotContains(t, hashes, h, "%d and %d zeros", size, hashes[h])
		hashes[h] = size
	}
}
