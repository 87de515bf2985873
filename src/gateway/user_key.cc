#include "gateway/user_key.h"

#include "base/base64.h"
#include "gateway/unique_fd.h"

#include <openssl/rand.h>

#include <array>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <unistd.h>

namespace serin::gateway {
namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t text_bytes = 44;
constexpr std::string_view secret_field = "/data/user.key";
constexpr int tries_max = 5;

std::string path_in(const std::string& folder) {
    return folder + "/user.key";
}

std::optional<std::string> read_key(const std::string& folder) {
    std::ifstream in(path_in(folder), std::ios::binary);
    std::string key{std::istreambuf_iterator<char>(in), {}};
    if (key.size() != text_bytes) return std::nullopt;
    return key;
}

Result<> write_key(const std::string& folder, const std::string& key) {
    const std::string path = path_in(folder);
    const std::string fresh = path + ".new";
    {
        const UniqueFd fd(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (!fd || write(fd.get(), key.data(), key.size()) != std::ssize(key)) {
            return fail(ErrorKind::unavailable, "cannot write " + fresh);
        }
    }
    if (rename(fresh.c_str(), path.c_str()) != 0) {
        return fail(ErrorKind::unavailable, "cannot write " + path);
    }
    return {};
}

}  // namespace

Result<std::string> user_key(const std::string& folder) {
    if (auto known = read_key(folder)) return *std::move(known);
    std::array<char, key_bytes> bytes{};
    if (RAND_bytes(
            reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) != 1) {
        return fail(ErrorKind::internal, "no random numbers for " + path_in(folder));
    }
    std::string key = encode_base64({bytes.data(), bytes.size()});
    SERIN_TRY_DO(write_key(folder, key));
    return key;
}

Result<> share_user_key(ObjectStore& store, const ObjectKey& secret, const std::string& folder) {
    std::error_code ignored;
    std::filesystem::create_directories(folder, ignored);
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, ignored);
    for (int tries = 0; tries < tries_max; ++tries) {
        SERIN_TRY(Object object, store.get(secret));
        const auto shared = decode_base64(object.text(secret_field));
        if (shared && shared->size() == text_bytes) return write_key(folder, *shared);
        SERIN_TRY(const std::string own, user_key(folder));
        object.put(secret_field, json::string(encode_base64(own)));
        const auto written = store.update(std::move(object));
        if (written) return {};
        // Another gateway was quicker: its key it is.
        if (written.error().kind != ErrorKind::conflict) return std::unexpected(written.error());
    }
    return fail(ErrorKind::conflict, "the Secret changes all the time");
}

}  // namespace serin::gateway
