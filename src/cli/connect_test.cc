#include "cli/connect.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace serin::cli {

namespace {

namespace fs = std::filesystem;

struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "serin-connect-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    std::string path;
};

std::string kubeconfig_in(const Folder& folder) {
    const std::string path = folder.path + "/config";
    std::ofstream(path) << R"(apiVersion: v1
kind: Config
clusters:
- {name: a, cluster: {server: "https://10.0.0.1:6443/"}}
- {name: b, cluster: {server: "https://10.0.0.2:6443"}}
users: [{name: me, user: {token: secret}}]
contexts:
- {name: first, context: {cluster: a, user: me}}
- {name: second, context: {cluster: b, user: me, namespace: shop}}
current-context: first
)";
    return path;
}

}  // namespace

TEST_CASE("a context names the cluster that commands speak to, with its namespace") {
    const Folder folder;
    ConnectOptions options;
    options.kubeconfig = {kubeconfig_in(folder)};
    options.context = "second";

    auto found = find_server(options);
    REQUIRE(found);
    CHECK(found->url == "https://10.0.0.2:6443");
    CHECK(found->ns == "shop");
    CHECK(found->token == "secret");

    options.ns = "other";
    found = find_server(options);
    REQUIRE(found);
    CHECK(found->ns == "other");

    options.context.clear();
    found = find_server(options);
    REQUIRE(found);
    CHECK(found->url == "https://10.0.0.1:6443");

    options.context = "third";
    found = find_server(options);
    REQUIRE_FALSE(found);
    CHECK(found.error().message.find("third") != std::string::npos);
}

TEST_CASE("a server that is named is the one that is asked, whatever contexts there are") {
    const Folder folder;
    ConnectOptions options;
    options.kubeconfig = {kubeconfig_in(folder)};
    options.server = "http://127.0.0.1:7717/";
    const auto found = find_server(options);
    REQUIRE(found);
    CHECK(found->url == "http://127.0.0.1:7717");
    CHECK(found->token.empty());
}

TEST_CASE("kubectl's plugin speaks to kubectl's cluster") {
    const Folder folder;
    setenv("KUBECONFIG", ("/nonexistent/config:" + kubeconfig_in(folder)).c_str(), 1);
    ConnectOptions options;
    options.in_cluster = true;
    const auto found = find_server(options);
    unsetenv("KUBECONFIG");
    REQUIRE(found);
    CHECK(found->url == "https://10.0.0.1:6443");
}

}  // namespace serin::cli
