// Devices, their contexts, and the names of errors.

#include "fake.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

std::recursive_mutex lock;

static const int devices = 2;
static const size_t memory = size_t(1) << 32;
static Context contexts[devices] = {{0}, {1}};
static thread_local Context *mine;
static bool started;

void wrong(const char *function, const std::string &what) {
    fprintf(stderr, "fake libcuda: %s: %s\n", function, what.c_str());
    abort();
}

Context *current(const char *function) {
    if (!mine) wrong(function, "the thread has no context");
    if (!mine->retained) wrong(function, "the thread's context has been released");
    return mine;
}

static void device(const char *function, int id) {
    if (!started) wrong(function, "before cuInit");
    if (id < 0 || id >= devices) wrong(function, "there is no device " + std::to_string(id));
}

extern "C" {

Result cuInit(unsigned) {
    started = true;
    return SUCCESS;
}

static const struct {
    Result code;
    const char *name, *text;
} errors[] = {
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {100, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {GRAPH_EXEC_UPDATE_FAILURE, "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE", "the graph update was not performed because it included changes which violated constraints specific to instantiated graph update"},
    {999, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

Result cuGetErrorName(Result code, const char **name) {
    for (auto &e : errors)
        if (e.code == code) return *name = e.name, SUCCESS;
    return *name = nullptr, INVALID_VALUE;
}

Result cuGetErrorString(Result code, const char **text) {
    for (auto &e : errors)
        if (e.code == code) return *text = e.text, SUCCESS;
    return *text = nullptr, INVALID_VALUE;
}

Result cuDriverGetVersion(int *version) {
    *version = 13000;
    return SUCCESS;
}

Result cuDeviceGetCount(int *count) {
    *count = devices;
    return SUCCESS;
}

Result cuDeviceGet(int *id, int index) {
    device("cuDeviceGet", index);
    *id = index;
    return SUCCESS;
}

Result cuDeviceGetName(char *name, int bytes, int id) {
    device("cuDeviceGetName", id);
    snprintf(name, bytes, "an emulated GPU");
    return SUCCESS;
}

Result cuDeviceTotalMem_v2(size_t *bytes, int id) {
    device("cuDeviceTotalMem", id);
    *bytes = memory;
    return SUCCESS;
}

Result cuDeviceGetAttribute(int *value, int attribute, int id) {
    device("cuDeviceGetAttribute", id);
    static const std::map<int, int> values = {
        {1, 1024}, {5, 2147483647}, {6, 65535}, {7, 65535}, {13, 0}, {16, 0}, {18, 0}, {20, 0}, {36, 0}, {37, 0}, {75, 9}, {76, 0}, {115, 1},
    };
    auto found = values.find(attribute);
    if (found == values.end()) wrong("cuDeviceGetAttribute", "the attribute " + std::to_string(attribute) + " is not supported here");
    *value = found->second;
    if (attribute == 115 && id == 1) *value = 0; // the second device has no pools
    return SUCCESS;
}

Result cuDevicePrimaryCtxRetain(Context **context, int id) {
    device("cuDevicePrimaryCtxRetain", id);
    std::lock_guard<std::recursive_mutex> guard(lock);
    contexts[id].retained++;
    *context = &contexts[id];
    return SUCCESS;
}

Result cuDevicePrimaryCtxRelease_v2(int id) {
    device("cuDevicePrimaryCtxRelease", id);
    std::lock_guard<std::recursive_mutex> guard(lock);
    Context &c = contexts[id];
    if (c.retained == 0) wrong("cuDevicePrimaryCtxRelease", "it wasn't retained");
    // A real context stays lost until the process ends. Here the next test gets a new
    // one.
    if (--c.retained == 0) c.lost = SUCCESS;
    return SUCCESS;
}

Result cuCtxSetCurrent(Context *context) {
    if (context < contexts || context >= contexts + devices) wrong("cuCtxSetCurrent", "not a context");
    mine = context;
    return SUCCESS;
}

Result cuMemGetInfo_v2(size_t *free, size_t *total) {
    *free = memory - current("cuMemGetInfo")->used;
    *total = memory;
    return SUCCESS;
}
}
