/* Where the __shared__ variables are: each has an ELF section of its own (device.h), which this
 * looks up in the file of the program or module that it is linked into: the kernels are there
 * too. */
#include <elf.h>
#include <link.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "tests/cudahost/internal.h"

namespace cudahost {
namespace {

using Ranges = std::vector<std::pair<char *, size_t>>;

bool read_at(FILE *file, uint64_t offset, void *to, size_t bytes)
{
    return fseek(file, (long)offset, SEEK_SET) == 0 && fread(to, 1, bytes, file) == bytes;
}

/* The object that this function is in. */
struct Object {
    uintptr_t base = 0;
    std::string path;
};

int take_own(struct dl_phdr_info *info, size_t, void *object)
{
    uintptr_t here = (uintptr_t)&take_own;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type != PT_LOAD || here < begin ||
            here >= begin + info->dlpi_phdr[i].p_memsz)
            continue;
        bool program = !info->dlpi_name || !*info->dlpi_name;
        *(Object *)object = {info->dlpi_addr, program ? "/proc/self/exe" : info->dlpi_name};
        return 1;
    }
    return 0;
}

bool read_sections(FILE *file, uintptr_t base, Ranges &ranges)
{
    ElfW(Ehdr) header;
    if (!read_at(file, 0, &header, sizeof header)) return false;
    std::vector<ElfW(Shdr)> sections(header.e_shnum);
    size_t bytes = sections.size() * sizeof(ElfW(Shdr));
    if (header.e_shstrndx >= sections.size() ||
        !read_at(file, header.e_shoff, sections.data(), bytes))
        return false;
    std::vector<char> names(sections[header.e_shstrndx].sh_size + 1);
    if (!read_at(file, sections[header.e_shstrndx].sh_offset, names.data(), names.size() - 1))
        return false;

    for (const auto &section : sections)
        if (section.sh_name < names.size() &&
            strncmp(&names[section.sh_name], "cudahost_shared_", 16) == 0)
            ranges.push_back({(char *)(base + section.sh_addr), section.sh_size});
    return true;
}

Ranges find_ranges()
{
    Ranges ranges;
    Object own;
    dl_iterate_phdr(take_own, &own);
    FILE *file = fopen(own.path.c_str(), "rb");
    bool ok = file && read_sections(file, own.base, ranges);
    if (file) fclose(file);
    if (!ok) die("the sections of " + own.path + " cannot be read: no shared memory to be found");
    return ranges;
}

} // namespace

/* The red zones that ASan puts between the variables are overwritten too, which does no harm but
 * which memset would report. */
#ifdef CUDAHOST_ASAN
__attribute__((no_sanitize("address", "undefined")))
#endif
void poison_static_shared()
{
    static const Ranges ranges = find_ranges();
    for (const auto &range : ranges) {
#ifdef CUDAHOST_ASAN
        for (volatile char *p = range.first, *end = p + range.second; p < end; p++)
            *p = (char)0xFF;
#else
        memset(range.first, 0xFF, range.second);
#endif
    }
}

} // namespace cudahost
