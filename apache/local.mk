# The same for an Apache 2.4 that is there already.
apachedir = $(pkgdatadir)/apache
dist_apache_DATA = %D%/belfry-errors.conf %D%/belfry-headers.conf %D%/belfry-mount.conf %D%/belfry-static.conf
