#include "kubernetes/config.h"

#include "base/document.h"
#include "base/json.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>

namespace serin::kubernetes {

namespace {

namespace fs = std::filesystem;

// An entry of one of the lists, with the file it stands in: relative paths are relative to that.
struct Entry {
    const json::Value* value = nullptr;
    std::string file;
    std::string path;  // "users[0].user", for messages.
};

Error wrong(const std::string& file, std::string_view path, std::string_view what) {
    return {ErrorKind::invalid, fmt::format("{}: {}: {}", file, path, what)};
}

Result<std::string> read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) return fail(ErrorKind::invalid, fmt::format("{}: cannot be read", path));
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

std::string trimmed(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
    std::string bytes(text.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(
        reinterpret_cast<unsigned char*>(bytes.data()),
        reinterpret_cast<const unsigned char*>(text.data()),
        static_cast<int>(text.size()));
    if (size < 0) return std::nullopt;
    size_t padding = 0;
    while (padding < 2 && text.size() > padding && text[text.size() - 1 - padding] == '=') {
        ++padding;
    }
    bytes.resize(static_cast<size_t>(size) - padding);
    return bytes;
}

std::string text_at(const Entry& entry, std::string_view field) {
    return std::string(json::text(json::find(*entry.value, "/" + std::string(field))).value_or(""));
}

// A member NAME-data, in base64, or a file that NAME names.
Result<std::string> read_pem(const Entry& entry, const std::string& name) {
    if (const std::string data = text_at(entry, name + "-data"); !data.empty()) {
        auto pem = decode_base64(data);
        if (pem) return *std::move(pem);
        return std::unexpected(
            wrong(entry.file, fmt::format("{}.{}-data", entry.path, name), "is not base64"));
    }
    const std::string file = text_at(entry, name);
    if (file.empty()) return std::string();
    auto pem = read_file((fs::path(entry.file).parent_path() / file).string());
    if (pem) return pem;
    return std::unexpected(
        wrong(entry.file, fmt::format("{}.{}", entry.path, name), pem.error().message));
}

class Files {
public:
    Result<> read(const std::vector<std::string>& paths) {
        for (const std::string& path : paths) {
            std::error_code error;
            if (path.empty() || !fs::exists(path, error)) continue;
            SERIN_TRY(const std::string text, read_file(path));
            DocumentsRead read = read_documents(text, path);
            for (const Diagnostic& one : read.diagnostics) {
                if (one.severity == Severity::error) {
                    return fail(ErrorKind::invalid, to_string(one));
                }
            }
            for (Document& document : read.documents) documents_.push_back(std::move(document));
        }
        if (!documents_.empty()) return {};
        return fail(
            ErrorKind::not_found,
            "there is no kubeconfig: set KUBECONFIG, or name a file with --kubeconfig");
    }

    std::string current_context() const {
        for (const Document& document : documents_) {
            const auto name = json::text(json::find(document.root, "/current-context"));
            if (name && !name->empty()) return std::string(*name);
        }
        return {};
    }

    // The part `member` of the item called `name` of a list: of "contexts", "context".
    Result<Entry> find(
        std::string_view list, std::string_view member, std::string_view name) const {
        for (const Document& document : documents_) {
            const auto* items = json::array(json::find(document.root, fmt::format("/{}", list)));
            for (size_t i = 0; items != nullptr && i < items->size(); ++i) {
                if (json::text(json::find((*items)[i], "/name")) != name) continue;
                const auto* part = json::find((*items)[i], fmt::format("/{}", member));
                const std::string path = fmt::format("{}[{}].{}", list, i, member);
                if (json::object(part) == nullptr) {
                    return std::unexpected(wrong(document.file, path, "has to be an object"));
                }
                return Entry{.value = part, .file = document.file, .path = path};
            }
        }
        return std::unexpected(
            wrong(documents_.front().file, list, fmt::format("there is no \"{}\"", name)));
    }

private:
    std::vector<Document> documents_;
};

Result<> read_cluster(const Entry& entry, ClusterConfig& config) {
    config.server = text_at(entry, "server");
    while (config.server.ends_with('/')) config.server.pop_back();
    if (!config.server.starts_with("https://") && !config.server.starts_with("http://")) {
        return std::unexpected(
            wrong(entry.file, entry.path + ".server", "has to be a URL: https://HOST:PORT"));
    }
    config.verify_peer =
        !json::boolean(json::find(*entry.value, "/insecure-skip-tls-verify")).value_or(false);
    for (const char* unserved : {"proxy-url", "tls-server-name"}) {
        if (text_at(entry, unserved).empty()) continue;
        return std::unexpected(wrong(
            entry.file,
            fmt::format("{}.{}", entry.path, unserved),
            "is not supported: take it out, or connect another way"));
    }
    SERIN_TRY(config.ca_pem, read_pem(entry, "certificate-authority"));
    return {};
}

Result<> read_user(const Entry& entry, ClusterConfig& config) {
    for (const char* unserved : {"exec", "auth-provider", "username", "as"}) {
        if (json::find(*entry.value, fmt::format("/{}", unserved)) == nullptr) continue;
        return std::unexpected(wrong(
            entry.file,
            fmt::format("{}.{}", entry.path, unserved),
            "is not supported: use a token or a client certificate, such as a ServiceAccount's "
            "token (kubectl create token)"));
    }
    SERIN_TRY(config.certificate_pem, read_pem(entry, "client-certificate"));
    SERIN_TRY(config.key_pem, read_pem(entry, "client-key"));
    if (config.certificate_pem.empty() != config.key_pem.empty()) {
        return std::unexpected(
            wrong(entry.file, entry.path, "a client certificate and its key come together"));
    }
    config.token = text_at(entry, "token");
    if (const std::string file = text_at(entry, "tokenFile"); !file.empty()) {
        config.token_file = (fs::path(entry.file).parent_path() / file).string();
    }
    return {};
}

}  // namespace

Result<ClusterConfig> read_kubeconfig(
    const std::vector<std::string>& files, std::string_view context) {
    Files read;
    SERIN_TRY_DO(read.read(files));
    ClusterConfig config;
    config.context = context.empty() ? read.current_context() : std::string(context);
    if (config.context.empty()) {
        return fail(ErrorKind::invalid, "the kubeconfig has no current-context: name one");
    }
    SERIN_TRY(const Entry chosen, read.find("contexts", "context", config.context));
    if (auto ns = text_at(chosen, "namespace"); !ns.empty()) config.ns = std::move(ns);
    SERIN_TRY(const Entry cluster, read.find("clusters", "cluster", text_at(chosen, "cluster")));
    SERIN_TRY_DO(read_cluster(cluster, config));
    if (const std::string user = text_at(chosen, "user"); !user.empty()) {
        SERIN_TRY(const Entry entry, read.find("users", "user", user));
        SERIN_TRY_DO(read_user(entry, config));
    }
    return config;
}

Result<ClusterConfig> in_cluster_config(
    const std::string& folder, std::string_view host, std::string_view port) {
    if (host.empty() || port.empty()) {
        return fail(
            ErrorKind::not_found,
            "this is no pod of a cluster: KUBERNETES_SERVICE_HOST and _PORT are not set");
    }
    ClusterConfig config;
    const bool is_v6 = host.contains(':');
    config.server =
        fmt::format("https://{}{}{}:{}", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
    config.token_file = folder + "/token";
    SERIN_TRY(config.ca_pem, read_file(folder + "/ca.crt"));
    SERIN_TRY_DO(read_file(config.token_file));
    if (auto ns = read_file(folder + "/namespace")) config.ns = trimmed(*std::move(ns));
    return config;
}

}  // namespace serin::kubernetes
