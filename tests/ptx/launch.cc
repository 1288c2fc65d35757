#include "tests/ptx/launch.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "tests/ptx/ptx.h"
#include "tests/ptx/symbols.h"

/* Never true: bodies of kernels compile and do not run. */
const uint3 threadIdx, blockIdx;
const dim3 blockDim, gridDim;
const int warpSize = 32;

namespace {

struct state {
    std::string folder = ".", error, shown;
    std::map<std::string, ptx_module *> modules;
    std::map<void *, size_t> blocks;
    std::map<std::string, std::pair<unsigned, size_t>> launched; /* threads, dynamic shared */
    std::map<const void *, size_t> allowed; /* dynamic shared memory, where more than usual */
    ptx_memory *memory = nullptr;
    uint64_t seed = 0, instructions = 0, launches = 0;
};

state &here()
{
    static state s;

    if (!s.memory) s.memory = ptx_memory_create();
    return s;
}

cudaError_t failed(const std::string &message, cudaError_t e = cudaErrorLaunchFailure)
{
    if (here().error.empty()) here().error = message;
    return e;
}

/* What a GPU's runtime refuses before anything runs. */
bool fits(const void *kernel, dim3 grid, dim3 block, size_t shared_bytes)
{
    const size_t usual = 48 * 1024;
    size_t allowed = here().allowed.count(kernel) ? here().allowed[kernel] : usual;

    return grid.x > 0 && grid.y > 0 && grid.z > 0 && grid.y < 65536 && grid.z < 65536 &&
           block.x > 0 && block.y > 0 && block.z > 0 && block.x <= 1024 && block.y <= 1024 &&
           block.z <= 64 && block.x * block.y * block.z <= 1024 &&
           shared_bytes <= (allowed > usual ? allowed : usual);
}

/* dir/NAME.cu: NAME */
std::string stem(const char *file)
{
    const char *slash = std::strrchr(file, '/');
    std::string name = slash ? slash + 1 : file;

    return name.substr(0, name.rfind('.'));
}

ptx_module *module_of(const char *file)
{
    std::string name = stem(file), path = here().folder + "/" + name + ".ptx";
    char error[1024] = "";

    if (!here().modules.count(name)) {
        ptx_module *m = ptx_load(path.c_str(), error, sizeof error);

        if (!m)
            failed(error);
        else
            here().modules[name] = m;
    }
    return here().modules.count(name) ? here().modules[name] : nullptr;
}

/* nvcc names a static kernel without g++'s L, and what is in an unnamed namespace after the file.
 */
const ptx_kernel *kernel_of(const ptx_module *m, std::string symbol)
{
    const std::string unnamed = "_ZN12_GLOBAL__N_1";

    if (const ptx_kernel *exact = ptx_kernel_find(m, symbol.c_str())) return exact;
    if (symbol.compare(0, 3, "_ZL") == 0) return ptx_kernel_find(m, symbol.erase(2, 1).c_str());
    if (symbol.compare(0, unnamed.size(), unnamed) != 0) return nullptr;
    symbol.erase(0, unnamed.size());
    for (size_t i = 0; const ptx_kernel *kernel = ptx_kernel_at(m, i); i++) {
        std::string name = ptx_kernel_name(kernel);

        if (name.find("_GLOBAL__N_") != std::string::npos && name.size() > symbol.size() &&
            name.compare(name.size() - symbol.size(), symbol.size(), symbol) == 0)
            return kernel;
    }
    return nullptr;
}

bool takes(const ptx_kernel *kernel, const size_t *sizes, size_t count)
{
    bool same = ptx_param_count(kernel) == count;

    for (size_t i = 0; same && i < count; i++)
        same = ptx_param_size(kernel, i) == sizes[i];
    return same;
}

} // namespace

cudaError_t ptx_launch_packed(const char *file, const void *kernel, dim3 grid, dim3 block,
                              size_t shared_bytes, const void *const *args, const size_t *sizes,
                              size_t count)
{
    const ptx_module *m = module_of(file);
    const char *symbol = ptx_symbol_of(kernel);
    char error[1024] = "";

    if (!m) return cudaErrorLaunchFailure;
    if (!symbol) return failed("a kernel without a symbol: the program must not be stripped");
    const ptx_kernel *found = kernel_of(m, symbol);
    if (!found) return failed(std::string(symbol) + " is not in the PTX of " + file);
    if (!takes(found, sizes, count))
        return failed(std::string(symbol) +
                      ": the PTX takes other arguments; is it of this source?");
    if (!fits(kernel, grid, block, shared_bytes))
        return failed(std::string(symbol) +
                          ": grid, block or shared memory that cannot be launched",
                      cudaErrorInvalidConfiguration);
    ptx_launch l = {{grid.x, grid.y, grid.z},
                    {block.x, block.y, block.z},
                    shared_bytes,
                    args,
                    here().seed,
                    0,
                    0};
    bool ok = ptx_run(found, &l, here().memory, error, sizeof error);
    here().launches++;
    here().instructions += l.instructions;
    auto &most = here().launched[ptx_kernel_name(found)];
    most = std::max(most, {block.x * block.y * block.z, shared_bytes});
    return ok ? cudaSuccess : failed(error);
}

void ptx_allow_shared(const void *kernel, int bytes)
{
    here().allowed[kernel] = bytes > 0 ? static_cast<size_t>(bytes) : 0;
}

void ptx_set_folder(const char *folder)
{
    for (auto &m : here().modules)
        ptx_free(m.second);
    here().modules.clear();
    here().folder = folder;
}

void ptx_set_seed(uint64_t seed)
{
    here().seed = seed;
}

void *ptx_alloc(size_t bytes, const char *name)
{
    size_t room = (bytes + 255) / 256 * 256;
    void *memory = std::aligned_alloc(256, room ? room : 256);

    if (!memory) return nullptr;
    std::memset(memory, 0xFF, bytes);
    if (!here().memory || !ptx_memory_add(here().memory, memory, bytes, name)) {
        std::free(memory);
        return nullptr;
    }
    here().blocks[memory] = bytes;
    return memory;
}

void ptx_dealloc(void *memory)
{
    if (here().blocks.erase(memory) == 0) return;
    ptx_memory_remove(here().memory, memory);
    std::free(memory);
}

const char *ptx_last_error(void)
{
    here().shown.swap(here().error);
    here().error.clear();
    return here().shown.c_str();
}

uint64_t ptx_instructions(void)
{
    return here().instructions;
}

uint64_t ptx_launches(void)
{
    return here().launches;
}

bool ptx_was_launched(const char *kernel, unsigned *threads, size_t *shared_bytes)
{
    auto found = here().launched.find(kernel);
    if (found == here().launched.end()) return false;
    *threads = found->second.first;
    *shared_bytes = found->second.second;
    return true;
}

const char *ptx_file_kernel(const char *file, size_t index)
{
    const ptx_module *m = module_of(file);
    const ptx_kernel *kernel = m ? ptx_kernel_at(m, index) : nullptr;

    return kernel ? ptx_kernel_name(kernel) : nullptr;
}

void ptx_finish(void)
{
    ptx_set_folder(".");
    while (!here().blocks.empty())
        ptx_dealloc(here().blocks.begin()->first);
    ptx_memory_free(here().memory);
    here().memory = nullptr;
}
