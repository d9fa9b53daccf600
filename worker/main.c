#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/service.h"
#include "worker/program.h"

extern char **environ;

enum { EXIT_USAGE = 2 };

static const char help[] = "Usage: brig-worker [--config FILE] [--check]\n"
                           "Runs jobs of the queue in Docker sandboxes and publishes their results.\n"
                           "\n"
                           "  --config FILE  the configuration; default: $BRIG_CONFIG, else sandbox-config.yaml where brig is installed\n"
                           "  --check        read and check everything, start nothing\n"
                           "  --version      print the version\n"
                           "  --help         print this\n"
                           "\n"
                           "SIGTERM: takes no more jobs, finishes or gives back those at hand, leaves. SIGHUP: reads limits anew.\n";

struct options {
        const char *config_path; /* NULL: the default */
        bool check;
        bool over; /* nothing more to do */
        int status;
};

static struct options read_options(int argc, char **argv)
{
        static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                              {"check", no_argument, NULL, 'k'},
                                              {"version", no_argument, NULL, 'v'},
                                              {"help", no_argument, NULL, 'h'},
                                              {0}};
        struct options options = {0};
        for (int option = getopt_long(argc, argv, "", known, NULL); option != -1; option = getopt_long(argc, argv, "", known, NULL)) {
                if (option == 'c')
                        options.config_path = optarg;
                else if (option == 'k')
                        options.check = true;
                else
                        options.over = true;
                if (option == 'v' || option == 'h')
                        fputs(option == 'v' ? "brig-worker " BRIG_VERSION "\n" : help, stdout);
                else if (options.over)
                        options.status = EXIT_USAGE;
        }
        if (optind < argc) {
                fprintf(stderr, "brig-worker: %s: takes no arguments, see --help\n", argv[optind]);
                return (struct options){.over = true, .status = EXIT_USAGE};
        }
        return options;
}

static int complain(const struct error *e)
{
        fprintf(stderr, "brig-worker: %s\n", e->text);
        return EXIT_FAILURE;
}

static int check(const struct config *config)
{
        struct analysis *analysis;
        struct error e;
        if (analysis_open(&analysis, config->directory, &e) < 0)
                return complain(&e);
        analysis_close(analysis);
        puts("the configuration is right");
        return EXIT_SUCCESS;
}

static int work(struct config *config, const char *config_path)
{
        struct program program;
        struct error e;
        signal(SIGPIPE, SIG_IGN);
        if (program_open(&program, config, config_path, &e) < 0)
                return complain(&e);
        program_run(&program);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        struct options options = read_options(argc, argv);
        struct config config;
        struct error e;
        if (options.over)
                return options.status;
        service_keep_memory_small();
        if (config_load(&config, options.config_path, environ, &e) < 0)
                return complain(&e);
        int status = options.check ? check(&config) : work(&config, options.config_path);
        config_deinit(&config);
        return status;
}
