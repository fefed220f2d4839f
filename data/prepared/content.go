package prepared

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"runtime"
	"sync"
)

// A content hash identifies what is in a file, wherever it lies: it is the SHA-256 of the
// SHA-256 of each of the file's pieces of 256 KiB, the last of which may be shorter, and
// of its size. Pieces can be hashed at the same time, which one SHA-256 of it all can't.

// ContentHash hashes what is written to it, in the background. One goroutine may use it.
type ContentHash struct {
	sums   []sumOfPiece // of the pieces so far; those in progress are filled in later
	size   int64
	piece  []byte // what was written of the next
	spare  chan []byte
	hashed sync.WaitGroup
}

type sumOfPiece = *[sha256.Size]byte

// NewContentHash hashes on as many cores as there are, up to a few.
func NewContentHash() *ContentHash {
	h := &ContentHash{spare: make(chan []byte, cores()+1)}
	for range cap(h.spare) {
		h.spare <- nil // made when it is needed
	}
	return h
}

// cores is how many pieces are hashed at the same time.
func cores() int { return min(runtime.GOMAXPROCS(0), 8) }

// Write implements io.Writer. It keeps nothing of p, and doesn't fail.
func (h *ContentHash) Write(p []byte) (int, error) {
	n := len(p)
	h.size += int64(n)
	for len(p) > 0 {
		if cap(h.piece) == 0 {
			if h.piece = <-h.spare; h.piece == nil {
				h.piece = make([]byte, 0, min(pieceSize, max(len(p), 4096)))
			}
		}
		take := min(len(p), pieceSize-len(h.piece))
		h.piece = append(h.piece, p[:take]...)
		if p = p[take:]; len(h.piece) == pieceSize {
			h.hash()
		}
	}
	return n, nil
}

// hash hashes a piece that is whole.
func (h *ContentHash) hash() {
	piece, sum := h.piece, new([sha256.Size]byte)
	h.piece, h.sums = nil, append(h.sums, sum)
	h.hashed.Go(func() {
		*sum = sha256.Sum256(piece)
		h.spare <- piece[:0]
	})
}

// String gives the hash of what was written, in hexadecimal digits. Nothing may be written
// afterwards.
func (h *ContentHash) String() string {
	h.hashed.Wait()
	all := newPieces(h.size)
	for _, sum := range h.sums {
		all.add(sum)
	}
	if len(h.piece) > 0 {
		sum := sha256.Sum256(h.piece)
		all.add(&sum)
	}
	return all.text()
}

// HashOf gives the content hash of a whole content, in hexadecimal digits.
func HashOf(content []byte) string {
	all := newPieces(int64(len(content)))
	for len(content) > 0 {
		n := min(len(content), pieceSize)
		sum := sha256.Sum256(content[:n])
		all.add(&sum)
		content = content[n:]
	}
	return all.text()
}

// pieces puts together the hashes of pieces, in their order.
type pieces struct{ hash.Hash }

func newPieces(size int64) pieces {
	p := pieces{sha256.New()}
	p.Write(binary.LittleEndian.AppendUint64([]byte("flowrun content 1\n"), uint64(size)))
	return p
}

func (p pieces) add(sum sumOfPiece) { p.Write(sum[:]) }

func (p pieces) text() string { return hex.EncodeToString(p.Sum(nil)) }
