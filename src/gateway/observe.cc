#include "gateway/observe.h"

#include "gateway/unique_fd.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <fcntl.h>
#include <fstream>
#include <unistd.h>

namespace serin::gateway {
namespace {

// The first cut bounds the work, the second the record.
constexpr std::string_view kept_part = ",bytes(0,64),json(utf8s),bytes(0,64)";

// "name=value", parted by a unit separator, which escaping keeps out of values.
std::string values_of(const std::vector<std::string>& names, const std::string& fetch) {
    std::string text;
    for (const std::string& name : names) {
        if (!text.empty()) text += "\\x1f";
        text += name;
        text += "=%[" + fetch + "(" + name + ")";
        text += kept_part;
        text += "]";
    }
    return "\"" + text + "\"";
}

}  // namespace

std::vector<std::string> observe_lines(
    const Observed& observed, const std::string& condition, const std::string& user_key) {
    std::vector<std::string> lines;
    if (observed.user_in != Observed::UserIn::nowhere) {
        const std::string fetch =
            observed.user_in == Observed::UserIn::header ? "req.fhdr(" : "req.cook(";
        lines.push_back(
            "    http-request set-var(txn.user) " + fetch + observed.user + "),hmac(sha256," +
            user_key + "),bytes(0,8),hex" + condition);
    }
    if (!observed.request_headers.empty()) {
        lines.push_back(
            "    http-request set-var-fmt(txn.asked) " +
            values_of(observed.request_headers, "req.fhdr") + condition);
    }
    if (!observed.response_headers.empty()) {
        lines.push_back(
            "    http-response set-var-fmt(txn.answered) " +
            values_of(observed.response_headers, "res.fhdr") + condition);
    }
    return lines;
}

Result<std::string> user_key(const std::string& folder) {
    const std::string path = folder + "/user.key";
    constexpr std::size_t key_bytes = 32;
    constexpr std::size_t text_bytes = 44;
    std::string key;
    if (std::ifstream in(path, std::ios::binary); in) {
        key.assign(std::istreambuf_iterator<char>(in), {});
        if (key.size() == text_bytes) return key;
    }
    std::array<unsigned char, key_bytes> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
        return fail(ErrorKind::internal, "no random numbers for " + path);
    }
    std::array<unsigned char, text_bytes + 1> text{};
    EVP_EncodeBlock(text.data(), bytes.data(), static_cast<int>(bytes.size()));
    key.assign(text.begin(), text.end() - 1);
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
    return key;
}

}  // namespace serin::gateway
