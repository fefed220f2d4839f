// Package tensorboard writes the format of TensorBoard's event files: records of protocol
// buffers (TensorFlow's event.proto and summary.proto, of which it writes the few fields
// that readers look at), each with its length and checksums. It allocates nothing once its
// buffers have grown, and knows nothing of runs.
package tensorboard

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// The fields' numbers.
const (
	eventWallTime, eventStep, eventFileVersion, eventSummary, eventSessionLog = 1, 2, 3, 5, 7

	sessionStatus, sessionStart = 1, 1 // SessionLog.status, SessionStatus.START

	summaryValue                                    = 1
	valueTag, valueSimple, valueTensor, valueMeta   = 1, 2, 8, 9
	metaPluginData, metaDataClass, dataClassTensor  = 1, 4, 2
	pluginName                                      = 1
	tensorDType, tensorShape, tensorString, dtypeOf = 1, 2, 8, 7 // DT_STRING
)

// Event is a record while it is put together. Its zero value is ready.
type Event struct {
	summary, value, nested []byte
}

// Reset begins another event.
func (e *Event) Reset() { e.summary = e.summary[:0] }

// Scalar adds a number. TensorBoard's are f32: others are rounded to it.
func (e *Event) Scalar(tag string, v float64) {
	e.begin(tag)
	e.value = protowire.AppendTag(e.value, valueSimple, protowire.Fixed32Type)
	e.value = protowire.AppendFixed32(e.value, math.Float32bits(float32(v)))
	e.end()
}

// Text adds a text in Markdown.
func (e *Event) Text(tag, markdown string) {
	e.begin(tag)
	tensor := appendNumber(nil, tensorDType, dtypeOf)
	tensor = appendBytes(tensor, tensorShape, nil) // a scalar
	tensor = appendBytes(tensor, tensorString, []byte(markdown))
	e.value = appendBytes(e.value, valueTensor, tensor)
	plugin := appendBytes(nil, pluginName, []byte("text"))
	meta := appendNumber(appendBytes(nil, metaPluginData, plugin), metaDataClass, dataClassTensor)
	e.value = appendBytes(e.value, valueMeta, meta)
	e.end()
}

func (e *Event) begin(tag string) {
	e.value = protowire.AppendString(protowire.AppendTag(e.value[:0], valueTag, protowire.BytesType), tag)
}

func (e *Event) end() { e.summary = appendBytes(e.summary, summaryValue, e.value) }

// Append appends the event as a record.
func (e *Event) Append(b []byte, at time.Time, step int64) []byte {
	e.nested = appendBytes(head(e.nested[:0], at, step), eventSummary, e.summary)
	return appendRecord(b, e.nested)
}

// AppendBeginning appends the records that a file begins with: its version, and that a
// session begins whose first step is the given one. Of an earlier file in the folder,
// readers forget what it has of that step and later ones.
func AppendBeginning(b []byte, at time.Time, first int64) []byte {
	b = appendRecord(b, appendBytes(head(nil, at, 0), eventFileVersion, []byte("brain.Event:2")))
	return appendRecord(b, appendBytes(head(nil, at, first), eventSessionLog, appendNumber(nil, sessionStatus, sessionStart)))
}

func head(b []byte, at time.Time, step int64) []byte {
	b = protowire.AppendTag(b, eventWallTime, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, math.Float64bits(float64(at.Unix())+float64(at.Nanosecond())/1e9))
	if step == 0 {
		return b // what isn't there is 0
	}
	return appendNumber(b, eventStep, uint64(step))
}

func appendNumber(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is the checksum of a record's parts: CRC-32C, turned, so that a record of records
// doesn't check itself.
func masked(b []byte) uint32 {
	sum := crc32.Checksum(b, castagnoli)
	return (sum>>15 | sum<<17) + 0xa282ead8
}

// appendRecord appends a length, its checksum, the data, and its checksum.
func appendRecord(b, data []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, masked(b[at:]))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, masked(data))
}
